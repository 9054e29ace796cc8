"""The three protocols once more, told from what has happened so far instead of by states.

Written without a look at the tables: each question is answered by going through the whole history.
"""

from asgi_conformance.protocol.version import Version

NEEDS = {
    "debug": "http.response.debug",
    "push": "http.response.push",
    "hint": "http.response.early_hint",
    "file+": "http.response.zerocopysend",
    "file": "http.response.zerocopysend",
    "path": "http.response.pathsend",
    "trailers+": "http.response.trailers",
    "trailers": "http.response.trailers",
    "denial": "websocket.http.response",
    "denial body+": "websocket.http.response",
    "denial body": "websocket.http.response",
}


class Naive:
    """What was said in a call; what is forbidden without consequences leaves no trace.

    `excused` becomes true as soon as the application has lost the thread, or the connection.
    """

    def __init__(self, version: Version, offered: frozenset[str]) -> None:
        self.version = version
        self.offered = offered
        self.log: list[str] = []
        self.excused = False

    def had(self, *what: str) -> bool:
        return any(event in what for event in self.log)

    def sent(self, event: str) -> str | None:
        """The application says something; the rule that forbids it."""
        rule, counts = self.judge_sent(event)
        self.excused = self.excused or not counts
        if event in NEEDS and NEEDS[event] not in self.offered:
            rule, lost_thread = "event.extension.offered", not counts
            self.excused = self.excused or lost_thread
        if counts:
            self.log.append(event)
        return rule

    def delivered(self, event: str) -> str | None:
        """The server says something; the rule that forbids it."""
        rule = self.judge_delivered(event)
        self.log.append(event if rule is None else f"{event} (refused)")
        return rule

    def judge_sent(self, event: str) -> tuple[str | None, bool]:
        """The rule, and whether the event counts all the same."""
        raise NotImplementedError

    def judge_delivered(self, event: str) -> str | None:
        raise NotImplementedError

    def missing(self) -> str | None:
        """The rule that is broken if the call returns now."""
        raise NotImplementedError


class NaiveHTTP(Naive):
    """A request and its response."""

    def asked(self) -> None:
        if self.complete() and not self.gone():
            self.log.append("asked late")

    def lost(self) -> None:
        self.excused = True
        self.log.append("lost")

    def announced(self) -> bool:
        return self.had("start+")

    def body_ended(self) -> bool:
        return self.had("body", "file", "path")

    def complete(self) -> bool:
        return self.had("trailers") or (self.body_ended() and not self.announced())

    def gone(self) -> bool:
        """Whether the client went away before the response was complete."""
        happened = self.log
        for index, event in enumerate(happened):
            if event in {"disconnect", "lost"}:
                before = NaiveHTTP(self.version, self.offered)
                before.log = happened[:index]
                return not before.complete()
        return False

    def judge_sent(self, event: str) -> tuple[str | None, bool]:
        rule = None if self.gone() else self.objection(event)
        return rule, rule is None

    def objection(self, event: str) -> str | None:
        started = self.had("start", "start+")
        if event == "debug":
            return "http.debug.before-start" if started else "http.debug.once" if self.had("debug") else None
        if event in {"start", "start+"}:
            return "http.response-start.once" if started else None
        if event in {"trailers", "trailers+"}:
            if not started:
                return "http.trailers.after-body"
            if not self.announced():
                return "http.trailers.announced"
            if not self.body_ended():
                return "http.trailers.after-body"
            return "http.trailers.nothing-after-end" if self.had("trailers") else None
        if event in {"push", "hint"}:
            rule = {"push": "http.push.order", "hint": "http.early-hint.order"}[event]
            return None if started and not self.body_ended() else rule
        if event == "path":
            if not started:
                return "http.pathsend.after-start"
            # Once trailers were sent it makes no difference any more what came before them.
            if self.had("path") and not self.had("trailers", "trailers+"):
                return "http.pathsend.once"
            return "http.pathsend.alone" if self.had("body", "body+", "file", "file+", "path") else None
        return self.objection_to_content(event, started=started)

    def objection_to_content(self, event: str, *, started: bool) -> str | None:
        whole = event.startswith("body")
        if not started:
            return "http.response-body.after-start" if whole else "http.zerocopysend.order"
        if self.had("path") and not self.had("trailers", "trailers+"):
            return "http.pathsend.alone"
        if self.body_ended():
            return "http.response-body.nothing-after-end" if whole else "http.zerocopysend.order"
        return None

    def judge_delivered(self, event: str) -> str | None:
        if event == "disconnect":
            return None
        if self.had("disconnect"):
            return "http.disconnect.last"
        if self.had("asked late"):
            return "http.disconnect.after-response"
        return "http.request.nothing-after-end" if self.had("request") else None

    def missing(self) -> str | None:
        if self.excused or self.gone() or self.complete():
            return None
        if not self.had("start", "start+"):
            return "http.response-start.sent"
        if self.body_ended():
            return "http.trailers.sent"
        return "http.response-body.finished" if self.had("body+", "file+") else "http.response-body.sent"


class NaiveWebSocket(Naive):
    """A websocket."""

    def asked(self) -> None:
        """Makes no difference."""

    def lost(self) -> None:
        self.excused = True
        self.log.append("lost")

    def over(self) -> str | None:
        """How it ended: what came first of the three, if anything."""
        for event in self.log:
            if event in {"close", "denial body"}:
                return event
            if event in {"disconnect", "lost"}:
                return "lost" if "lost" in self.log[self.log.index(event) :] else event
        return None

    def judge_sent(self, event: str) -> tuple[str | None, bool]:
        over = self.over()
        if over == "lost":
            return None, True
        if over == "disconnect":
            late = event in {"accept", "send", "close"} and self.version >= (2, 4)
            return ("websocket.send.after-disconnect" if late else None), True
        if over == "close":
            return "websocket.close.last", False
        denial = event.startswith("denial")
        if self.had("denial"):
            if not denial:
                return "websocket.denial.nothing-else", False
            if over == "denial body":
                return "websocket.denial.nothing-after-end", False
            return ("websocket.denial.once", False) if event == "denial" else (None, True)
        if self.had("accept"):
            if denial:
                return "websocket.denial.before-accept", False
            return ("websocket.accept.once", False) if event == "accept" else (None, True)
        heard = self.had("connect", "connect (refused)", "receive", "receive (refused)")
        return {
            "accept": (None if heard else "websocket.accept.after-connect", True),
            "close": (None, True),
            "send": ("websocket.send.after-accept", False),
            "denial": (None if heard else "websocket.denial.after-connect", True),
        }.get(event, ("websocket.denial.start-first", False))

    def judge_delivered(self, event: str) -> str | None:
        if event == "disconnect":
            return None
        if self.had("disconnect"):
            return "websocket.disconnect.last"
        if event == "connect":
            return "websocket.connect.once" if self.had("connect") else None
        if not self.had("connect"):
            return "websocket.connect.first"
        answer = next((event for event in self.log if event in {"accept", "close", "denial"}), None)
        return None if answer == "accept" else "websocket.receive.after-accept"

    def missing(self) -> str | None:
        if self.excused or self.over() is not None:
            return None
        if self.had("denial"):
            return "websocket.denial.finished"
        return "websocket.call.closed" if self.had("accept") else "websocket.call.answered"


class NaiveLifespan(Naive):
    """A lifespan."""

    def asked(self) -> None:
        """Makes no difference."""

    def lost(self) -> None:
        self.excused = True

    def heard(self, what: str) -> bool:
        """Whether the application was told, rightly or not."""
        return self.had(what, f"{what} (refused)")

    def asked_first(self) -> str | None:
        told = [event.removesuffix(" (refused)") for event in self.log]
        return next((event for event in told if event in {"startup", "shutdown"}), None)

    def judge_sent(self, event: str) -> tuple[str | None, bool]:
        rule = self.objection(event)
        return rule, rule is None

    def objection(self, event: str) -> str | None:
        answered = self.had("startup complete", "startup failed")
        stopped = self.had("shutdown complete", "shutdown failed")
        if event.startswith("startup"):
            if self.asked_first() is None:
                return "lifespan.startup.in-answer"
            # An application that was asked to stop before it was ever asked to start has nothing to answer.
            done = answered or stopped or self.asked_first() == "shutdown"
            return "lifespan.startup.answered-once" if done else None
        if stopped:
            return "lifespan.shutdown.answered-once"
        return None if self.heard("shutdown") else "lifespan.shutdown.in-answer"

    def judge_delivered(self, event: str) -> str | None:
        if event == "startup":
            return "lifespan.startup.once" if self.had("startup") else None
        if not self.had("startup"):
            return "lifespan.startup.first"
        return "lifespan.shutdown.once" if self.had("shutdown") else None

    def missing(self) -> str | None:
        if self.excused or self.had("shutdown complete", "shutdown failed", "startup failed"):
            return None
        if self.asked_first() is None:
            return "lifespan.call.refused"
        if self.asked_first() == "startup" and not self.had("startup complete"):
            return "lifespan.startup.answered"
        return "lifespan.shutdown.answered" if self.heard("shutdown") else "lifespan.call.stays"
