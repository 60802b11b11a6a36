"""app_voicebot: a robot that talks with the caller and stops talking when the caller speaks."""

from globstar import Channel, application
from globstar.flows.engines import EspeakSynthesiser, PocketsphinxRecogniser
from globstar.flows.speech import Conversation, Recogniser, Synthesiser

GRAMMAR = "#JSGF V1.0; grammar bot; public <bot> = sales | support | the time | goodbye;"


def engines() -> tuple[Synthesiser, Recogniser]:
    """What speaks and what understands; both work on this machine alone."""
    return EspeakSynthesiser(), PocketsphinxRecogniser(GRAMMAR)


@application
async def voice_bot(channel: Channel, context: str = "departments") -> None:
    """Talk with the caller, and connect it with what it asks for.

    Departments are extensions of ``context``. The caller may speak while the robot does.
    """
    synthesiser, recogniser = await channel.system.run_blocking(engines)
    async with Conversation(channel, synthesiser, recogniser) as talk:
        question = "Hello. You can say sales, support, the time, or goodbye."
        for _ in range(5):
            heard = await talk.ask(question, timeout=8)
            channel.variables["HEARD"] = heard
            if heard in ("sales", "support"):
                await talk.say(f"I connect you with {heard}.", may_be_interrupted=False)
                channel.goto(context, heard)
            if heard == "the time":
                await talk.say(f"It is {channel.system.local_time():%H %M}.")
                question = "What else?"
            elif heard == "goodbye":
                break
            else:
                question = "I did not understand. Please say sales, support, the time, or goodbye."
        await talk.say("Goodbye.", may_be_interrupted=False)
