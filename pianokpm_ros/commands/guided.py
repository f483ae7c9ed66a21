"""What `pianokpm record --protocol FILE` does while the recorder runs."""

from pathlib import Path

from pianokpm_ros.commands.console import make_console
from pianokpm_ros.protocol.guide import Guide
from pianokpm_ros.protocol.plan import Plan, load_plan
from pianokpm_ros.protocol.streams import StreamWatch
from pianokpm_ros.shares import find_share

SHIPPED = 'config/protocol.yaml'


def read_protocol(name: str) -> Plan:
    """Read a protocol file; `default` is the one that ships."""
    return load_plan(find_share(SHIPPED) if name == 'default' else Path(name))


def guide_session(plan: Plan, namespace: str = '') -> bool:
    """Guide a person while a recorder runs; tells whether they came to the end."""
    from pianokpm_ros.nodes.event_publisher import EventPublisher

    console, watch = make_console(), StreamWatch(plan.electrodes)
    with EventPublisher(namespace, watch) as events:
        events.wait_for_recorder()
        guide = Guide(console, events.tell, console.input, look=watch.look)
        try:
            finished = guide.run(plan)
        except (KeyboardInterrupt, EOFError):
            finished = False
    words = 'finished' if finished else 'ended early; what was recorded is kept'
    console.print(
        f'{words}: {guide.done} takes, {guide.repeated} repeated, {guide.skipped} steps skipped'
    )
    return finished
