//! What the NVIDIA driver reports of cards, by its library NVML, looked for at run time.

use crate::policy::{Card, DeviceSpec};
use crate::snapshot::CardUsage;

#[cfg(feature = "nvml")]
use nvml_wrapper::{Device, Nvml};

/// Memory of a card in bytes, for [`DeviceSpec::memory`]; `None` where there is no driver, no such
/// card, or the feature `nvml` is off.
pub fn card_memory(card: &Card) -> Option<u64> {
    Driver::load()?.usage(card)?.memory_total
}

/// The cards that the devices of a scheduler are on.
#[derive(Debug)]
pub(crate) struct Cards {
    /// Of each device in order.
    cards: Vec<Option<Card>>,
    driver: Option<Driver>,
}

impl Cards {
    /// Loads the driver's library if a device names its card.
    pub(crate) fn new(devices: &[DeviceSpec]) -> Self {
        let cards: Vec<_> = devices.iter().map(|device| device.card.clone()).collect();
        let driver = cards.iter().any(Option::is_some).then(Driver::load).flatten();
        Self { cards, driver }
    }

    /// The card of this device.
    pub(crate) fn usage(&self, device: usize) -> Option<CardUsage> {
        self.driver.as_ref()?.usage(self.cards.get(device)?.as_ref()?)
    }
}

#[cfg(feature = "nvml")]
#[derive(Debug)]
struct Driver(Nvml);

#[cfg(feature = "nvml")]
impl Driver {
    fn load() -> Option<Self> {
        Nvml::init()
            .inspect_err(|error| tracing::debug!(%error, "no usage of NVIDIA cards"))
            .ok()
            .map(Self)
    }

    fn find(&self, card: &Card) -> Option<Device<'_>> {
        match card {
            Card::Index(index) => self.0.device_by_index(*index).ok(),
            Card::PciBusId(id) => self.0.device_by_pci_bus_id(id.as_str()).ok(),
            Card::Uuid(uuid) => self.0.device_by_uuid(uuid.as_str()).ok(),
        }
    }

    fn usage(&self, card: &Card) -> Option<CardUsage> {
        let card = self.find(card)?;
        let memory = card.memory_info().ok();
        Some(CardUsage {
            name: card.name().ok(),
            utilisation: card.utilization_rates().ok().map(|rates| rates.gpu),
            memory_used: memory.as_ref().map(|memory| memory.used),
            memory_total: memory.as_ref().map(|memory| memory.total),
        })
    }
}

/// Stands where the feature is off; there is none.
#[cfg(not(feature = "nvml"))]
#[derive(Debug)]
enum Driver {}

#[cfg(not(feature = "nvml"))]
impl Driver {
    fn load() -> Option<Self> {
        None
    }

    fn usage(&self, _: &Card) -> Option<CardUsage> {
        match *self {}
    }
}
