"""Published figures to hold beside the simulation's, and what isn't realistic in it."""

PUBLISHED = {
    'frequency': (
        '127 Hz in a real first dorsal interosseous recording; surface EMG lies between 20 and 450 Hz (SENIAM)'
    ),
    'delay': (
        'electromechanical delay 30 to 100 ms by muscle and method (about 50 ms at the elbow, Cavanagh and '
        'Komi 1979): EMG must lead the force by as much'
    ),
    'burst': (
        'the balance between muscles is set within about 100 ms around a burst, whose duration follows the time '
        'between keystrokes (Winges, Furuya, Faber and Flanders 2013); flexors burst while the finger moves '
        'down, extensors lift it before (Dennerlein, Mote and Rempel 1998, typing)'
    ),
    'tempo': (
        'muscle activity grows with tempo and, in amateurs more than in professionals, so does co-activation '
        '(Furuya, Goda, Katayose, Miwa and Nagata 2011; Chong, Kim and Yoo 2015, forearm)'
    ),
    'velocity': (
        'MIDI velocity = 52 + 25 log2(hammer speed) on a computer-controlled grand (Goebl and Bresin 2003); '
        'EMG grows about linearly with force in the first dorsal interosseous (Lawrence and De Luca 1983)'
    ),
    'ceiling': (
        'an earlier motor-unit pool of this kind, strongly modulated (from this project, not published): envelope '
        'r 0.933, R2 0.864 and NRMSE 0.096 at 6 Hz, onset F1 0.95 at 50 ms and 0.67 at 25 ms'
    ),
    'arms': (
        'finger interossei flex their knuckle with 4 to 8 mm and spread it with 4 to 6 mm in the source model'
    ),
}
"""By topic. Nothing here is a measurement of this project."""

UNREALISTIC = (
    'Nobody was measured: bodies, techniques and habits are drawn from spreads that were chosen, not fitted.',
    'Co-contraction is a formula of tempo and loudness added to an optimum of effort. The order of activations '
    'over time depends more on it than on anything else (see the table of other assumptions).',
    'APB hardly works: other muscles of the thumb strike its keys at less cost. Scores of APB say little.',
    'Bursts begin some 10 to 70 ms before key-down and force peaks some 50 ms after it, at the key bed: anticipation '
    'beyond the delay of muscle is not modelled, and people begin earlier.',
    'Wide leaps are quicker than a person would plan them (see the quickest landmark): keys are held too long.',
    'In pieces the two hands, each simulated for itself, can go through each other (counted with the player); in '
    'exercises they keep apart.',
    'Muscles share the load sample by sample at least cost; people anticipate, learn and err.',
    'Extensors and flexors of the forearm take part, but tendons are rigid, joints have no stops of tissue, and '
    'the fingers of one hand are not tied to one another by their common muscle bellies, only by a table.',
    'The wrist and the arm are moved, not driven: arm weight does not rest on the keys, and no muscle of the '
    'shoulder or upper arm works.',
    'APB and ADM were added with chosen paths and forces; the model has no opponens or lumbrical data of a pianist.',
    'Action potentials have one shape of varying width; no skin, fat, electrode distance or innervation zone. '
    'Crosstalk falls off by one factor with each neighbour.',
    'Electrodes never slip, nothing tires, and the maximum is reached to 80 to 100 %.',
    'Strokes are minimum-jerk courses, one after another; there is no pedal, no glissando, no crossing of hands, '
    'and a finger never slides on its key.',
    'Exercises of the two hands are independent of each other, mirrored; pieces are cut from performances whose '
    'fingers were found by a search, not the pianist.',
)
"""What a reader must know before drawing conclusions."""
