"""`pianokpm dataset`: make a data set of recordings or of others' data, look at one, hand it on."""

import argparse
from collections import Counter
from pathlib import Path

from pianokpm_training.commands import importing
from pianokpm_training.datasets.collection import DataSet, open_data
from pianokpm_training.datasets.folder import VIEW, Summary
from pianokpm_training.sessions.building import BuildSettings, Built, build_data
from rich.console import Console
from rich.table import Table

from pianokpm_ros.commands.console import make_console
from pianokpm_ros.commands.progress import show_progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer the actions."""
    actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')
    build = actions.add_parser('build', help='add recorded sessions to a data set')
    build.add_argument('bags', nargs='+', type=Path, metavar='BAG', help='bags of sessions')
    build.add_argument('-o', '--output', type=Path, required=True, help='folder of the data set')
    defaults = BuildSettings()
    build.add_argument(
        '--cutoff', type=float, default=defaults.cutoff, help='of the envelope [Hz] (%(default)g)'
    )
    build.add_argument(
        '--key-offset', type=float, default=0.0, help='how late the keys are [s]; is taken off'
    )
    build.add_argument('--emg-offset', type=float, default=0.0, help='likewise of the EMG')
    build.add_argument('--force', action='store_true', help='also where the clocks do not agree')
    importing.add_arguments(
        actions.add_parser('import', help='make a data set of data in the form of others')
    )
    info = actions.add_parser('info', help='what is in a data set')
    info.add_argument('data', type=Path, help='folder of the data set')
    anew = actions.add_parser(
        'see', help="see a simulated set's exact hands anew, as this version's front end would"
    )
    anew.add_argument('data', type=Path, help='folder of the data set; its poses are replaced')
    export = actions.add_parser('export', help='write a data set in the form of others')
    export.add_argument('data', type=Path, help='folder of the data set')
    export.add_argument('--bids', type=Path, required=True, help='new folder, in BIDS-EMG form')


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    console = make_console()
    action = {
        'build': _build,
        'import': importing.run,
        'info': _info,
        'see': _see,
        'export': _export,
    }[arguments.action]
    return action(arguments, console)


def _build(arguments: argparse.Namespace, console: Console) -> int:
    settings = BuildSettings(
        arguments.cutoff, arguments.key_offset, arguments.emg_offset, arguments.force
    )
    with show_progress(console, {'read': 'reading sessions'}, 'bags') as report:
        data, built = build_data(arguments.bags, arguments.output, settings, report)
    for one in built:
        _print_built(one, console)
    console.print(f'{len(data.entries)} recordings in {data.folder}; quality reports in quality/')
    return 0


def _see(arguments: argparse.Namespace, console: Console) -> int:
    from pianokpm_training.simulation.seen_anew import see_data_anew

    data = open_data(arguments.data)
    with show_progress(console, {'see': 'seeing hands anew'}, 'recordings') as report:
        count = see_data_anew(data, lambda done, total: report('see', done, total))
    console.print(f'{count} recordings in {data.folder} seen anew; everything else is as it was')
    return 0


def _print_built(built: Built, console: Console) -> None:
    console.print(f'{built.bag}: {", ".join(built.recordings)}', style='bold')
    for check in built.clocks:
        console.print(f'  {"ok  " if check.fine else "NOT ok "} {check.name}: {check.words}')
    missing = built.report['missing_messages']
    # Numbers of landmarks are those of frames: what is missing there, capture had no time for.
    frames = sum(count for topic, count in missing.items() if topic.endswith('/hands'))
    console.print(
        f'  {sum(missing.values()) - frames} messages missing, {frames} frames without a look for hands, '
        f'{built.report["notes"]} notes, '
        f'{built.report["notes_without_a_finger"]} of them without a finger near'
    )
    if not built.report['channels']:
        console.print('  no EMG in it: poses alone, of which no muscle can be learned')
    if built.report['normalization'] == 'PERCENTILE':
        console.print(
            "  envelopes are fractions of this session's own percentile 99.5, because not every channel has a "
            'maximum contraction: levels do not compare with other sessions'
        )
    if built.report['simulated']:
        console.print('  holds simulated signals')
    for channel in built.report['channels']:
        for words in channel['warnings']:
            console.print(f'  {channel["channel"]}: {words}')


def _info(arguments: argparse.Namespace, console: Console) -> int:
    data = open_data(arguments.data)
    words = (
        'holds simulated signals'
        if data.simulated
        else 'no signal in it says that it is simulated'
    )
    console.print(data.description)
    if words not in data.description:
        console.print(words)
    table = Table(
        box=None,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        title='poses, EMG and envelope in Hz',
        title_justify='left',
    )
    for heading in ('recording', 'subject', 'task', 'side', 's', 'poses', 'EMG', 'envelope'):
        table.add_column(heading, no_wrap=heading == 'recording', overflow='fold')
    for entry in data.entries.values():
        held = data.summarise(entry)
        rates = [_describe_rate(held, part) for part in (_find_pose(held), 'emg', 'envelope')]
        table.add_row(
            entry.name, entry.subject, entry.task, entry.side, f'{held.duration:.1f}', *rates
        )
    console.print(table)
    for split, roles in data.splits.items():
        counts = ', '.join(f'{len(names)} {role}' for role, names in roles.items())
        console.print(f'split {split}: {counts}')
    people = Counter(e.subject for e in data.entries.values())
    console.print(f'{len(people)} {"person" if len(people) == 1 else "persons"}')
    return 0


def _find_pose(held: Summary) -> str:
    """Name the hand in space, else in a view, else its angles."""
    views = [part for part in held.rates if part.startswith(VIEW)]
    return next((p for p in ('pose', *views) if p in held.rates), 'angles')


def _describe_rate(held: Summary, part: str) -> str:
    return f'{held.rates[part]:.1f}' if part in held.rates else '-'


def _export(arguments: argparse.Namespace, console: Console) -> int:
    from pianokpm_training.sessions.bids import export_bids

    data: DataSet = open_data(arguments.data)
    with show_progress(console, {'write': 'writing'}, 'recordings') as report:
        files = export_bids(data, arguments.bids, lambda i, n: report('write', i, n))
    console.print(f'recordings with EMG written to {arguments.bids}: {len(files)}')
    return 0
