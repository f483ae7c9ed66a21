"""Whose health is whose on /diagnostics, which graphs in all namespaces share."""

import pytest

from pianokpm_ros.health_names import find_node, name_status


@pytest.mark.parametrize(
    ('node', 'namespace', 'found'),
    [
        ('/capture_node', '/', 'capture_node'),
        ('/left/capture_node', 'left', 'left/capture_node'),
        ('/left/capture_node', '', ''),
        ('/left/capture_node', '/right', ''),
        ('/capture_node', '/right', ''),
        ('/left/a/capture_node', '/left', ''),
    ],
)
def test_nodes_are_found_by_their_namespace(node, namespace, found):
    assert find_node(name_status(node), namespace) == found


def test_what_drivers_of_others_say_is_taken_along_where_it_may_be_ours():
    assert find_node('top/usb_cam: Frequency Status', '') == 'top/usb_cam'
    assert (
        find_node('usb_cam', '/') == 'usb_cam' and find_node('usb_cam: Frequency', '/left') == ''
    )
