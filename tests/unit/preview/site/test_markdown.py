"""Documents as pages: anchors as GitHub's, code without markup."""

from preview.site import markdown
from preview.site.markdown import Link


def test_a_heading_has_githubs_anchor_and_a_repeated_one_a_number():
    rendered = markdown.render("# It's `GET /orders`: 1\n\n## Twice\n\none\n\n## Twice\n\ntwo\n")
    assert [section.anchor for section in rendered.sections] == ["its-get-orders-1", "twice", "twice-1"]
    assert [section.text for section in rendered.sections] == ["", "one", "two"]
    assert '<h2 id="twice-1">' in rendered.html
    assert rendered.title == "It's GET /orders: 1"


def test_every_link_and_picture_is_resolved_those_in_code_are_not():
    seen: list[str] = []

    def resolve(link: str) -> Link:
        seen.append(link)
        return Link(f"x/{link}")

    html = markdown.render("[a](a.md) ![b](b.svg)\n\n| c |\n|---|\n| [c](c.md) |\n\n`[d](d.md)`\n", resolve).html
    assert seen == ["a.md", "b.svg", "c.md"]
    assert 'href="x/c.md"' in html


def test_code_is_escaped_whether_its_language_is_known_or_not():
    for language in ("console", "no such language", ""):
        assert "<script>" not in markdown.code("$ <script>", language)
        assert "&lt;script&gt;" in markdown.code("$ <script>", language).replace("<span", "").replace(">&lt;", "&lt;")
