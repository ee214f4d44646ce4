"""Programs and data that stand in a page end none of its elements."""

import json

from diffbench.report import bundles


def test_json_in_a_page_holds_no_sign_that_html_reads():
    label = "</script><!-- & \u2028"
    text = str(bundles.as_json({"label": label}))
    assert not {"<", ">", "&"} & set(text)
    assert json.loads(text) == {"label": label}


def test_the_bundle_of_the_table_sets_its_name_and_ends_no_element():
    text = bundles.datatables()
    assert "window.DataTable=" in text
    assert "export{" not in text
    assert "</script" not in text.lower()


def test_a_digest_is_what_browsers_compute():
    # RFC 6234: SHA-256 of "abc".
    assert bundles.digest("abc") == "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
