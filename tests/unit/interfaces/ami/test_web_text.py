"""Manager messages as HTML and XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from globstar.interfaces.ami.web_text import to_html, to_xml
from globstar.interfaces.ami.wire import lines_of


def test_xml_has_an_element_a_message_and_an_attribute_a_line() -> None:
    text = (
        "Response: Success\r\nActionID: 1\r\nMessage: a 'b' <c> & d\r\n\r\nEvent: X\r\nOutput: 1\r\nOutput: 2\r\nUn Named\r\n\r\n"
    )
    assert to_xml(text) == (
        "<ajax-response>\n"
        "<response type='object' id='unknown'><generic response='Success' actionid='1'"
        " message='a &#x27;b&#x27; &lt;c&gt; &amp; d' /></response>\n"
        "<response type='object' id='unknown'><generic event='X' output='1' output-1='2' un_named='' /></response>\n"
        "</ajax-response>\n"
    )


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=40)), max_size=6))
def test_whatever_is_in_a_message_is_one_well_formed_element(fields: list[tuple[str, str]]) -> None:
    text = f"Response: Success\r\n{lines_of(fields)}\r\n"
    root = ET.fromstring(to_xml(text).encode("utf-8", "replace"))
    assert root.tag == "ajax-response"
    assert len(root) == 1
    assert root[0][0].attrib["response"] == "Success"


@given(st.text(max_size=60))
def test_html_shows_text_and_no_tags_of_a_value(value: str) -> None:
    page = to_html(f"Response: Success\r\n{lines_of([('Message', value)])}\r\n")
    assert page.count("<tr>") == 3
    assert "<script" not in page
