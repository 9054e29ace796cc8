"""Pages: HTML where HTML is promised, and no markup but the application's own."""

from asgi_conformance import PRACTICE, Probe, Violation, check
from asgi_conformance.spec import PRACTICES

from .values import with_value

MARKUP = "<script>alert(1)</script>\"'&"


@check("response.html.page", level=PRACTICE, clause=PRACTICES["response"], needs={"http", "response.html"})
async def test_page_is_html(probe: Probe) -> None:
    """A route that promises a page should answer with status 200 and `text/html` in a named encoding.

    Usual cause: the route returns something that a page cannot be made of, or the template is called with arguments
    in an order of former days: the client gets a 500.
    Usual mend: return text; `TemplateResponse(request, name, context)`.
    """
    response = await probe.request()
    media_type, _, parameters = (response.head.get("content-type") or "").lower().partition(";")
    if response.status != 200 or media_type.strip() != "text/html":
        raise Violation(
            expected="status 200 and text/html", observed=f"status {response.status}, {media_type or 'no type'}"
        )
    if "charset" not in parameters:
        raise Violation(expected="text/html with a charset", observed=media_type)


@check(
    "response.template.escaped", level=PRACTICE, clause=PRACTICES["response"], needs={"http", "response.template-value"}
)
async def test_markup_in_a_value_is_escaped(probe: Probe) -> None:
    """A value that a page shows should be escaped, so that markup in it is text.

    Usual cause: an environment of the template engine without autoescape, `| safe`, or a template whose name does not
    end in .html.
    Usual mend: `Jinja2Templates(directory=…)`, which escapes in .html templates.
    """
    body = (await with_value(probe, "value", MARKUP)).body
    if b"<script>" in body:
        raise Violation(expected="&lt;script&gt; in the page", observed="<script> in the page")
