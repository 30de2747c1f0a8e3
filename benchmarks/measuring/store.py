"""What has been measured, a JSON file for each engine and size, so that a stopped run goes on where it was."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Figures = dict[str, Any]


class Store:
    """Figures of one machine; those that another one measured are not seen."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)

    def read(self, name: str) -> Figures | None:
        """Return what was measured under a name, None where nothing was."""
        path = self._folder / f"{name}.json"
        if not path.exists():
            return None
        read: Figures = json.loads(path.read_text("utf-8"))
        return read if read["machine"] == machine() else None

    def all(self) -> dict[str, Figures]:
        """Return everything that this machine measured, by name."""
        names = sorted(path.stem for path in self._folder.glob("[!.]*.json"))
        read = ((name, self.read(name)) for name in names)
        return {name: figures for name, figures in read if figures is not None}

    def write(self, name: str, figures: Figures) -> None:
        """Keep figures with the machine and the time."""
        whole = {**figures, "machine": machine(), "measured_at": datetime.now(UTC).isoformat(timespec="minutes")}
        draft = self._folder / f".{name}.json"
        draft.write_text(json.dumps(whole, ensure_ascii=False), "utf-8")
        draft.replace(self._folder / f"{name}.json")


def machine() -> dict[str, Any]:
    """Describe this machine by its properties (Linux)."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if line.startswith("model name")]
    flags = next(line for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if line.startswith("flags"))
    pages, page_size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    widest = next((name for name in ("avx512f", "avx2") if f" {name}" in flags), "no AVX2")
    return {
        "cores": os.cpu_count(),
        "cpu": f"{cpu[0].partition(':')[2].strip()}, {widest}",
        "memory_gb": round(pages * page_size / 1e9),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
    }
