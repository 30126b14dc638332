"""Reports as HTML."""

from html.parser import HTMLParser

import pytest
from tables_examples import EXAMPLES

from mejax.tables import Block, Report, Row, number, render_html


class Balance(HTMLParser):
    """Collects text and checks that elements are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


@pytest.mark.parametrize("name", EXAMPLES)
def test_html_is_balanced_and_has_every_number(name):
    report, parser = EXAMPLES[name](), Balance()
    parser.feed(render_html(report))
    assert parser.open == []
    for block in (*report.fixed, *report.random):
        for row in block.rows:
            assert number(row.estimate) in parser.text
            assert row.se is None or number(row.se) in parser.text


def test_html_of_outcomes_and_limits():
    text = render_html(EXAMPLES["outcomes"]())
    assert '<th scope="row" class="mejax-block">Car</th>' in text
    assert '<td class="mejax-remark" colspan="6">(base outcome)</td>' in text
    text = render_html(EXAMPLES["tobit"]())
    right = '<th scope="row" class="mejax-inner">Right-censored</th><td>17</td>'
    assert f'<td class="mejax-left">        Upper = 2.5</td>{right}' in text


def test_html_escapes_text():
    row = Row("<script>", 1.0, term="a&b")
    text = render_html(Report(title="<b>", response='"y"', fixed=(Block("<i>", (row,)),), notes=("1 < 2",)))
    assert "<script>" not in text and "<b>" not in text and "<i>" not in text
    assert "&lt;script&gt;" in text and "a&amp;b" in text and "1 &lt; 2" in text


def test_html_rules_stay_inside():
    style = render_html(EXAMPLES["growth"]()).split("<style>")[1].split("</style>")[0]
    selectors = [rule.split("{")[0] for rule in style.split("}") if "{" in rule]
    assert all(part.strip().startswith(".mejax") for rule in selectors for part in rule.split(","))
