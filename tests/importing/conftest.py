"""The run folders of the tests of exporting."""

import importlib.util
from pathlib import Path

PATH = Path(__file__).parents[1] / "exporting" / "conftest.py"
spec = importlib.util.spec_from_file_location("overread_tests_exporting", PATH)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
cases, data, kit, run = module.cases, module.data, module.kit, module.run
