"""End-to-end tests of smtpgate against a private, real Postfix.

A test makes a Scene: a temporary directory that holds a Postfix of its own (configuration, queue,
log, a random port on the loopback), a postoffice, the gateway's configuration and its daemon. All of
it goes away with the Scene, whatever happens. Nothing here touches the machine's own Postfix.
"""

from .checks import Failure, check, check_equal, corner, wait_for
from .messages import message, shipped_message
from .scene import DOMAIN, Scene
from .scripted_host import Cut, Drip, Hang, ScriptedHost
from .scripted_milter import ScriptedMilter
from .sink import Sink

__all__ = ["DOMAIN", "Cut", "Drip", "Failure", "Hang", "Scene", "ScriptedHost", "ScriptedMilter", "Sink", "check",
           "check_equal", "corner", "message", "shipped_message", "wait_for"]
