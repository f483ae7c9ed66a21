"""Real streams on loopback: JPEG pictures over HTTP as network cameras and phones send them, MPEG-TS over TCP."""

import http.server
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import cv2
import numpy as np

from test.capture.conftest import SIZE, paint

BOUNDARY = 'frame'


class MjpegServer:
    """Serves numbered frames, or pictures over and over, or what a function gives; can be frozen, stalled, cut off."""

    def __init__(self, rate=30, port=0, pictures=None):
        self.rate, self.frozen, self.stalled = rate, False, False
        self.hurt = 0  # every so many pictures are damaged
        self._pictures = pictures
        self.sent = 0
        self._connections = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer._connections.append(self.connection)
                self.send_response(200)
                kind = f'multipart/x-mixed-replace; boundary={BOUNDARY}'
                self.send_header('Content-Type', kind)
                self.end_headers()
                try:
                    outer._send(self.wfile)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self._stopping = False
        self._server = http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return f'http://127.0.0.1:{self.port}/video'

    def _send(self, file):
        while not self._stopping:
            # In step by the clock, as cameras of one studio are, however long a picture takes.
            time.sleep(1 / self.rate - time.monotonic() % (1 / self.rate))
            if self.stalled:
                continue
            if not self.frozen:
                self.sent += 1
            data = cv2.imencode('.jpg', self._picture(self.sent))[1].tobytes()
            if self.hurt and self.sent % self.hurt == 0:
                data = bytes(len(data))
            head = (
                f'--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n'
            )
            file.write(head.encode() + data + b'\r\n')
            file.flush()

    def _picture(self, number):
        if self._pictures is None:
            return paint(number % 256)
        if callable(self._pictures):
            return self._pictures()
        return self._pictures[number % len(self._pictures)]

    def cut(self):
        """Break all connections and stop listening, as a camera that is unplugged."""
        self._stopping = True
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._server.shutdown()
        self._server.server_close()


def start_transport_stream(port):
    """Serve one client H.264 in MPEG-TS over TCP, in real time; PyAV waits for it with the interpreter locked."""
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen([sys.executable, '-m', 'test.capture.streams', str(port)], cwd=root)


def send_transport_stream(port, count=90, rate=30):
    """Wait for a client and send numbered frames."""
    with av.open(f'tcp://127.0.0.1:{port}?listen', 'w', format='mpegts') as container:
        options = {'preset': 'ultrafast', 'tune': 'zerolatency', 'g': '10'}
        stream = container.add_stream('libx264', rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, 'yuv420p'
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(paint(i)), format='bgr24')
            frame.pts = i
            for packet in stream.encode(frame):
                container.mux(packet)
            time.sleep(1 / rate)


def free_port():
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


if __name__ == '__main__':
    send_transport_stream(int(sys.argv[1]))
