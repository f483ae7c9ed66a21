"""Whose health a status on /diagnostics tells: graphs in all namespaces share that topic."""

KIND = 'state'


def name_status(node: str) -> str:
    """Return the name of a node's status; `node` is its full name."""
    return f'{node.lstrip("/")}: {KIND}'


def find_node(status: str, namespace: str) -> str:
    """Return the node that a status is of, with its namespace before it; empty = one of another graph.

    Drivers of others may name neither node nor namespace; they are taken along where the graph is in no namespace.

    Args:
        status: its name.
        namespace: of the graph; empty or `/` = none.
    """
    node, _, kind = status.partition(':')
    own, place = namespace.strip('/'), node.rpartition('/')[0]
    return '' if place != own and (own or kind.strip() == KIND) else node
