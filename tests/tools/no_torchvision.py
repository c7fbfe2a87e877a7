"""timm asks for torchvision, whose images nothing here uses: empty modules stand in for it where it is not installed."""
import importlib.abc, importlib.machinery, importlib.util, sys, types


class Words(type):
    """Members of an enumeration are their names."""
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class Empty(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Words(name, (), {})


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return Empty(spec.name)

    def exec_module(self, module):
        pass


def stand_in():
    if importlib.util.find_spec("torchvision") is None:
        import transformers.utils.import_utils  # decides first that there is none
        sys.meta_path.append(Finder())
