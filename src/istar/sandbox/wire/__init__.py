"""What passes between a parent and its worker: frames, requests, replies, plug-ins."""
