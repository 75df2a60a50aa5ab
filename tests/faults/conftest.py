from tests.contract.conftest import fake

__all__ = ["fake"]
