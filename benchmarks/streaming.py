"""What stands between a model server and the reader of a stream: the client for the one, the way out to the other.

    python -m benchmarks.streaming [--streams 64] [--tokens 200] [--rounds 3]

A model server in a process of its own writes a token every 5 ms on each of the streams. Each candidate is a
server in a process of its own that reads it and passes each token on as an event; all of them run in turns,
beside the model server read directly. Prints how much later than directly the first token comes, and the CPU
time of the candidate's process. `shipped` is the product's own generator and response. Linux only (/proc).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import statistics
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path

import aiohttp
import httpx
import uvicorn
from openai import AsyncOpenAI
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.answering.generator import ChatMessage, Prompt
from app.answering.params import GenerationParams
from app.answering.upstream import OpenAIGenerator
from app.streaming import EventStreamResponse, event_frame
from core.settings import Settings

_TOKEN_EVERY_S = 0.005
_QUESTION = "How many days of annual leave?"
_BODY = {"model": "m", "messages": [{"role": "user", "content": _QUESTION}], "stream": True}
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_MODELS = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n{"data":[{"id":"m"}]}'

Tokens = AsyncGenerator[str, None]


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=64, help="streams at once")
    parser.add_argument("--tokens", type=int, default=200, help="tokens of each stream")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, each with every candidate")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    upstream = _free_port()
    processes = {"": context.Process(target=_serve_model, args=(upstream, options.tokens), daemon=True)}
    ports = {"": upstream}
    for name in _CANDIDATES:
        ports[name] = _free_port()
        processes[name] = context.Process(target=_serve, args=(name, ports[name], upstream), daemon=True)
    for process in processes.values():
        process.start()
    try:
        asyncio.run(_measure(ports, {name: p.pid or 0 for name, p in processes.items()}, options))
    finally:
        for process in processes.values():
            process.terminate()
            process.join()


async def _measure(ports: dict[str, int], pids: dict[str, int], options: argparse.Namespace) -> None:
    urls = {name: f"http://127.0.0.1:{port}/v1/chat/completions" for name, port in ports.items()}
    first_ms: dict[str, list[float]] = {name: [] for name in urls}
    cpu_ms: dict[str, list[float]] = {name: [] for name in urls}
    for url in urls.values():
        await _until_up(url)
        await _load(url, 4, options.tokens)  # imports, pools and the model's name are not what is measured
    for _ in range(options.rounds):
        for name, url in urls.items():
            before = _cpu_s(pids[name])
            first_ms[name] += await _load(url, options.streams, options.tokens)
            spent_ms = 1000 * (_cpu_s(pids[name]) - before)
            cpu_ms[name].append(1000 * spent_ms / (options.streams * options.tokens))
    direct = [_quantile(first_ms[""], q) for q in (0.5, 0.99)]
    shipped = statistics.median(cpu_ms["shipped"])
    print(
        f"{options.streams} streams of {options.tokens} tokens, one every {_TOKEN_EVERY_S * 1000:.0f} ms; ", end=""
    )
    print(f"first token directly: {direct[0]:.0f} / {direct[1]:.0f} ms (p50 / p99)")
    print(f"{'client + way out':<32}{'added to first token, ms':>26}{'CPU ms / 1,000 tokens':>24}{'ratio':>8}")
    for name, (_, _, title) in _CANDIDATES.items():
        p50, p99 = (_quantile(first_ms[name], q) - d for q, d in zip((0.5, 0.99), direct, strict=True))
        spent = statistics.median(cpu_ms[name])
        print(f"{title:<32}{f'{p50:.0f} / {p99:.0f}':>26}{spent:>24.0f}{spent / shipped:>8.2f}")


async def _load(url: str, streams: int, tokens: int) -> list[float]:
    """Read streams side by side; returns the milliseconds to the first token of each."""

    async def one(session: aiohttp.ClientSession) -> float:
        began, first, read = time.perf_counter(), 0.0, 0
        async with session.post(url, json=_BODY) as reply:
            async for piece in reply.content.iter_any():
                first = first or time.perf_counter()
                read += piece.count(b'"w')
        assert read == tokens, f"{read} of {tokens} tokens came"
        return 1000 * (first - began)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return list(await asyncio.gather(*(one(session) for _ in range(streams))))


def _serve_model(port: int, tokens: int) -> None:
    """The model server: as little work as a stream takes."""
    delta = json.dumps({"choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]})
    end = json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})

    def piece(data: str) -> bytes:
        event = f"data: {data}\n\n".encode()
        return b"%x\r\n%s\r\n" % (len(event), event)

    said, last = piece(delta), piece(end) + piece("[DONE]") + b"0\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if head.startswith(b"GET"):
                    writer.write(_MODELS)
                    continue
                (length,) = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
                await reader.readexactly(int(length.split(b":")[1]))
                writer.write(_HEAD)
                for _ in range(tokens):
                    writer.write(said)
                    await asyncio.sleep(_TOKEN_EVERY_S)
                writer.write(last)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", port) as server:
            await server.serve_forever()

    asyncio.run(run())


def _serve(name: str, port: int, upstream: int) -> None:
    """A candidate as a server."""
    connect, respond, _ = _CANDIDATES[name]
    opened: list[Callable[[], Tokens]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if not opened:
            opened.append(connect(f"http://127.0.0.1:{upstream}/v1"))
        while (await receive()).get("more_body"):
            pass
        await respond(_frames(opened[0]()))(scope, receive, send)

    uvicorn.run(app, host="127.0.0.1", port=port, lifespan="off", access_log=False, log_level="warning")


async def _frames(tokens: Tokens) -> AsyncGenerator[bytes, None]:
    seq = 0
    async for text in tokens:
        yield event_frame("delta", seq, {"text": text})
        seq += 1


def _shipped(url: str) -> Callable[[], Tokens]:
    generator = OpenAIGenerator(Settings(llm_base_url=url, llm_concurrency=1000, _env_file=None))
    prompt = Prompt((ChatMessage("user", _QUESTION),), _QUESTION, "en", ())

    async def tokens() -> Tokens:
        async for delta in generator.stream(prompt, GenerationParams()):
            if delta.text:
                yield delta.text

    return tokens


def _httpx(url: str) -> Callable[[], Tokens]:
    client = httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=None))

    async def tokens() -> Tokens:
        async with client.stream("POST", f"{url}/chat/completions", json=_BODY) as reply:
            async for line in reply.aiter_lines():
                if line.startswith("data: {"):
                    text = json.loads(line[6:])["choices"][0]["delta"].get("content")
                    if text:
                        yield text

    return tokens


def _openai(url: str) -> Callable[[], Tokens]:
    client = AsyncOpenAI(base_url=url, api_key="none")

    async def tokens() -> Tokens:
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": _QUESTION}], stream=True
        )
        async for chunk in stream:
            if text := chunk.choices[0].delta.content:
                yield text

    return tokens


def _starlette(frames: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(frames, media_type="text/event-stream")


_CANDIDATES: dict[str, tuple[Callable[[str], Callable[[], Tokens]], Callable[..., Response], str]] = {
    "shipped": (_shipped, EventStreamResponse, "shipped: aiohttp + raw ASGI"),
    "way-out": (_shipped, _starlette, "aiohttp + StreamingResponse"),
    "httpx": (_httpx, _starlette, "httpx + StreamingResponse"),
    "httpx-raw": (_httpx, EventStreamResponse, "httpx + raw ASGI"),
    "openai": (_openai, _starlette, "openai + StreamingResponse"),
}


async def _until_up(url: str) -> None:
    for _ in range(300):
        try:
            async with aiohttp.ClientSession() as session, session.post(url, json=_BODY) as reply:
                await reply.read()
                return
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.1)
    raise RuntimeError(f"nothing answers at {url}")


def _cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _quantile(values: list[float], q: float) -> float:
    return sorted(values)[round(q * (len(values) - 1))]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
