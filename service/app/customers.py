"""Opens a store with the names, values and segments that the settings give its customers."""

from service.adapters.customers import clients
from service.adapters.store import open_store
from service.core.counting.identity import Pseudonyms
from service.core.ports import Store
from service.settings import Settings


def pseudonyms(settings: Settings) -> Pseudonyms | None:
    """What makes names of ids, with the keys as their files have them; None where ids are kept as they come."""
    return Pseudonyms(settings.customers.keys) if settings.customers.pseudonym_keys else None


def contact_cost(settings: Settings) -> int | None:
    """What serving a complaint costs, in minor units."""
    cost = settings.customers.contact_cost
    return None if cost is None else round(cost * 10**settings.currency.minor_digits)


def prepare(store: Store, settings: Settings) -> None:
    """Bring stored names to the keys in force, and take the operators' table in.

    Raises StoreRefused for keys that are not the store's, CustomersFileError for a table that will not do.
    """
    found = pseudonyms(settings)
    names = found.fixed() if found else None
    store.adopt(names or Pseudonyms(()))
    if settings.customers.table is not None:
        digits = settings.currency.minor_digits
        store.list_clients(clients(settings.customers.table, digits), names or str)


def open_people(settings: Settings) -> Store:
    """The store to write to, its names being those of the settings. Raises StoreRefused and StoreAway."""
    store = open_store(settings.database.address, make=False)
    try:
        store.adopt(pseudonyms(settings) or Pseudonyms(()))
    except BaseException:
        store.close()
        raise
    return store
