"""Learn a person from recordings: a data set's, or a bag's.

Letters: T ticks, L look-aheads, M muscles.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from pianokpm_training.datasets.collection import INDEX, DataSet, open_data
from pianokpm_training.datasets.folder import MANIFEST, load_recording
from pianokpm_training.datasets.recording import DataError, Recording
from pianokpm_training.sessions.building import BuildSettings, build_data
from pianokpm_training.sessions.ticks import (
    find_targets,
    key_lookup,
    pose_series,
    read_envelope,
)

from pianokpm_ros.anatomy import Side
from pianokpm_ros.muscle.batch import batch_features
from pianokpm_ros.muscle.bundle import ModelBundle
from pianokpm_ros.muscle.person import Person, PersonMap
from pianokpm_ros.muscle.person_fit import Fitted, Stretch, fit_person
from pianokpm_ros.records import Normalization

PARTS = ('pose', 'keys', 'notes', 'envelope')


def read_recordings(sources: Sequence[Path], subject: str = '') -> list[Recording]:
    """Read recordings, data sets and bags of one person.

    Args:
        sources: folders of recordings or data sets, or bags.
        subject: whose recordings of a data set; empty where it has one person.
    """
    found = [r for source in sources for r in _read(Path(source), subject)]
    if sources and not found:
        raise DataError(
            f'asked to learn a person from {", ".join(map(str, sources))}, which hold no recordings; name others'
        )
    people = sorted({r.info.subject for r in found})
    if len(people) > 1:
        raise DataError(
            f'asked to learn one person from recordings of {", ".join(people)}; name those of one, or say --subject'
        )
    return found


def _read(source: Path, subject: str) -> Iterator[Recording]:
    if (source / MANIFEST).is_file():
        yield load_recording(source, PARTS)
    elif (source / INDEX).is_file():
        yield from _read_data(open_data(source), subject)
    elif source.exists():
        with tempfile.TemporaryDirectory() as folder:
            data, _ = build_data([source], Path(folder) / 'data', BuildSettings())
            yield from _read_data(data, '')
    else:
        raise DataError(
            f'asked to learn a person from {source}, which is not there; name a bag, or a data set'
        )


def _read_data(data: DataSet, subject: str) -> Iterator[Recording]:
    people = sorted({e.subject for e in data.entries.values()})
    if subject and subject not in people:
        raise DataError(f'asked for {subject}; {data.folder} has {", ".join(people)}')
    if not subject and len(people) > 1:
        raise DataError(f'{data.folder} has {", ".join(people)}; say --subject')
    for entry in data.entries.values():
        if entry.subject == (subject or people[0]):
            yield data.load(entry, PARTS)


def make_stretches(
    recording: Recording, bundle: ModelBundle, lookahead: float | None = None
) -> list[Stretch]:
    """Put what the model says of a recording beside what was measured."""
    pose = recording.pose
    if pose is None or recording.envelope is None:
        return []
    envelope = read_envelope(recording, bundle.muscle)
    head = bundle.head(lookahead)
    made = []
    for part in batch_features(
        pose_series(pose), Side(recording.info.side), key_lookup(recording)
    ):
        features = bundle.scaling.apply(part.features)
        mean, deviation, _ = bundle.network.run(features, bundle.network.start())
        target = find_targets(envelope, part.stamp, (bundle.lookaheads[head],), bundle.muscle)
        made.append(
            Stretch(features, mean[:, head], deviation[:, head], target[:, 0].astype(np.float64))
        )
    return made


def fingerprint(recording: Recording) -> list[str]:
    """Return what tells a recording again by its content: of its EMG, and of its poses."""
    envelope, pose = recording.envelope, recording.pose
    arrays = [envelope.samples if envelope else [], pose.landmarks if pose else []]
    return [hashlib.sha256(a.tobytes()).hexdigest()[:16] for a in arrays if len(a)]


def learn_person(
    recordings: Sequence[Recording],
    bundle: ModelBundle,
    name: str = '',
    lookahead: float | None = None,
) -> tuple[Person, Fitted]:
    """Fit a person's file to recordings with poses and envelopes."""
    usable = [r for r in recordings if r.pose is not None and r.envelope is not None]
    if not usable:
        raise DataError(
            'asked to learn a person from recordings without both poses and EMG; record EMG beside the cameras '
            '(docs/recording.md), or give the scale of each muscle with --scale'
        )
    scales = sorted({r.info.normalization for r in usable})
    if len(scales) > 1 or scales[0] not in Normalization.__members__:
        raise DataError(
            f'the envelopes are fractions of {", ".join(s or "something unknown" for s in scales)}; learn from '
            'recordings of one known scale'
        )
    fitted = fit_person(s for r in usable for s in make_stretches(r, bundle, lookahead))
    fit = {
        'from': 'EMG',
        **fitted.describe(bundle.muscle),
        'subject': usable[0].info.subject,
        'recordings': [r.info.name for r in usable],
        'fingerprints': sorted({f for r in usable for f in fingerprint(r)}),
        'sides': sorted({r.info.side.label for r in usable}),
        'simulated': any(r.info.simulated for r in usable),
        **_today(),
    }
    person = Person(
        name or usable[0].info.subject,
        bundle.model_id,
        bundle.muscle,
        Normalization[scales[0]],
        fitted.map,
        fit,
    )
    return person, fitted


def scale_person(bundle: ModelBundle, factors: dict[str, float], name: str) -> Person:
    """Make the file of a person of whom only the scale of each muscle is known.

    Args:
        bundle: model.
        factors: part of the person's MVC that the model's 1.0 stands for, by muscle.
        name: pseudonym.
    """
    strange = sorted(set(factors) ^ set(bundle.muscle))
    if strange:
        raise DataError(
            f'asked for a scale of {", ".join(factors) or "no muscle"}; the model needs one of each of '
            f'{", ".join(bundle.muscle)}'
        )
    values = np.array([factors[m] for m in bundle.muscle])
    if not ((values > 0) & (values <= 10)).all():
        raise DataError(f'a scale must lie between 0 and 10, found {values.tolist()}')
    own = PersonMap.scale(values)
    fit = {'from': 'MVC scale', **_today()}
    return Person(name, bundle.model_id, bundle.muscle, Normalization.MVC, own, fit)


def _today() -> dict[str, str]:
    return {'date': datetime.now(timezone.utc).date().isoformat()}
