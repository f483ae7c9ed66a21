"""Two threads use the model at once; where its binding still has to look for numpy, the second comes meanwhile."""

import builtins
import faulthandler
import threading
import time

import numpy as np

from pianokpm_ros.hands.engine import find_int8_model
from pianokpm_ros.hands.runtimes import Int8LandmarkModel, compile_int8

faulthandler.dump_traceback_later(240, exit=True)  # who waits for ever ends here
compiled = compile_int8(find_int8_model('full'), 2)
ordinary, begun = builtins.__import__, threading.Event()


def slow_import(name, *rest, **more):
    if name.startswith('numpy') and threading.current_thread().name == 'first':
        begun.set()
        time.sleep(0.3)  # lets go of the GIL, as any thread may be asked to
    return ordinary(name, *rest, **more)


def look(model):
    model.look(np.zeros((1, 224, 224, 3), np.uint8))
    begun.set()


def follow(model):
    begun.wait()
    look(model)


builtins.__import__ = slow_import
threads = [
    threading.Thread(target=work, args=(Int8LandmarkModel(compiled),), name=name)
    for work, name in ((look, 'first'), (follow, 'second'))
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print('both looked')
