"""What a sample is: a record of parameters, each with its symbol and unit, in sections by subject."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from math import isfinite
from typing import Any


def parameter(symbol: str, unit: str, default: Any = MISSING) -> Any:
    """Declare a parameter: its symbol in the file and in the formulas, and the unit of the attribute."""
    return field(default=default, metadata={"symbol": symbol, "unit": unit})


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Transition energies and widths, and how they follow the temperature."""

    temperature_k: float = parameter("T0", "K")
    emission_ev: float = parameter("E_pl", "eV")                   # exciton emission at T0
    stokes_shift_ev: float = parameter("d_S", "eV")                # absorption above emission
    biexciton_shift_ev: float = parameter("d_XX", "eV")
    trion_shift_ev: float = parameter("d_T", "eV", 0.0)
    inhomogeneous_fwhm_ev: float = parameter("w_inh", "eV")
    phonon_coupling_ev: float = parameter("G_LO", "eV")
    phonon_energy_ev: float = parameter("E_LO", "eV", 0.018)
    thermal_shift_ev_k: float = parameter("a_T", "eV/K")
    relative_absorption_width: float = parameter("w_rel", "1")     # absorption FWHM over emission FWHM
    homogeneous_fwhm_ev: float = parameter("w_hom", "eV", 0.0)     # Lorentzian part of the emission lines


@dataclass(frozen=True, kw_only=True)
class Absorption:
    """Absorption cross-sections and what the pump loses on its way in."""

    cross_section_400_cm2: float = parameter("s400", "cm2")
    exciton_weight: float = parameter("e_rel", "1")
    continuum_slope: float = parameter("s_lin", "1")
    continuum_offset_ev: float | None = parameter("c_off", "eV", None)   # above the exciton; None: max(2.2 w_A, 30 meV)
    second_weight: float = parameter("e_2", "1", 0.0)              # of the second transition (P-P), as e_rel of the first
    second_offset_ev: float = parameter("d_2", "eV", 0.0)          # of its line above the first one
    transmission: float = parameter("T_in", "1")
    optical_density_400: float = parameter("OD400", "1", 0.0)
    two_photon_cm4_s: float = parameter("s_2", "cm4 s", 1.88e-44)
    three_photon_cm6_s2: float = parameter("s_3", "cm6 s2", 5.10e-75)


@dataclass(frozen=True, kw_only=True)
class Kinetics:
    """Rates by which excitations leave a nanocrystal."""

    exciton_lifetime_s: float = parameter("tau_X", "s")
    quantum_yield: float = parameter("qy", "1")
    radiative_factor: float = parameter("R_XX", "1")               # radiative rate of XX over that of X
    biexciton_lifetime_s: float = parameter("tau_XX", "s")
    trion_lifetime_s: float = parameter("tau_T", "s", 0.0)         # at low density
    trion_crowding_per_s: float = parameter("k_T", "1/s", 0.0)     # by which its rate grows with the mean number of excitations
    charged_fraction: float = parameter("f", "1", 0.0)


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Strength of the gain, and how much of the light takes part."""

    strength_cm: float = parameter("A0", "cm-1")
    loss_cm: float = parameter("alpha", "cm-1", 0.0)               # in a cavity the loss of each mode takes its place
    coupled_fraction: float = parameter("beta", "1")
    spontaneous_factor: float = parameter("kappa", "1")
    cascade: bool = parameter("cascade", "1", False)               # Auger feeds the exciton line within the gain time


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One mode of a cavity."""

    energy_ev: float = parameter("E_m", "eV")
    weight: float = parameter("w_beta", "1")                       # beta of this mode over that of the record
    polarisation: float = parameter("p", "1")
    angle_deg: float = parameter("th", "deg")


@dataclass(frozen=True, kw_only=True)
class Cavity:
    """Feedback: index, time light stays while there is gain, loss, and the modes."""

    index: float = parameter("n", "1")
    gain_time_s: float = parameter("tau_g", "s")
    quality: float = parameter("Q", "1")
    slot_ev: float | None = parameter("w_m", "eV", None)           # spectral slot of one mode; None: their median distance
    line_fwhm_ev: float | None = parameter("dE_line", "eV", None)  # None: as the mode's Q says
    bending_loss_cm: float = parameter("a_bend", "cm-1", 0.0)
    modes: tuple[Mode, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ring:
    """Whispering-gallery modes of a round cavity, at λ = π D n/(m + φ)."""

    diameter_um: float = parameter("D", "um")
    phase: float = parameter("phi", "1")
    centre_nm: float = parameter("l_c", "nm")                      # the modes within d_l of it take part
    reach_nm: float = parameter("d_l", "nm")
    quality_per_um: float = parameter("Q_D", "1/um", 0.0)          # by which Q exceeds the cavity's per diameter
    polarisation: float = parameter("p_m", "1", 0.0)
    angle_deg: float = parameter("th_m", "deg", 0.0)


@dataclass(frozen=True, kw_only=True)
class Disorder:
    """Random modes, drawn anew for every spot: uniform in wavelength, log-normal in Q, exponential in weight."""

    number: float = parameter("n_m", "1")
    centre_nm: float = parameter("l_c", "nm")
    reach_nm: float = parameter("d_l", "nm")
    quality_spread: float = parameter("s_Q", "1")                  # s of ln Q; its centre lies s² below the cavity's
    seed: float = parameter("seed", "1", 0.0)                      # of this sample's disorder


@dataclass(frozen=True, kw_only=True)
class Resonance:
    """What happens when the pump is tuned to the absorption line of feedback crystals at low temperature."""

    off_resonance: float = parameter("f_off", "1")                 # coupling far from the resonance
    coupling_sd_ev: float = parameter("w_c", "eV")
    heating_ev: float = parameter("q_s", "eV")                     # excess energy per crystal that halves the gain population
    feedback_part: float = parameter("PHI", "1")                   # part of the spontaneous light that comes from feedback crystals
    blue_shift_ev: float = parameter("dE_max", "eV")
    blue_shift_half: float = parameter("N_half", "1")
    blue_shift_per_excess: float = parameter("dE_x", "1")
    blue_shift_zero: float = parameter("N_0", "1", 0.0)            # excitations at which the modes stand at their stated energies
    far_polarisation_factor: float = parameter("p_off", "1")       # of the lines' polarisation, far from the resonance
    far_spontaneous_polarisation: float = parameter("p_spe_off", "1")


@dataclass(frozen=True, kw_only=True)
class Stripe:
    """A stripe of the film as an amplifier: its length, and how long light finds gain on its way."""

    length_cm: float = parameter("L", "cm")
    group_index: float = parameter("n_g", "1")
    gain_time_s: float = parameter("tau_g0", "s", float("inf"))            # of the neutral film
    charged_gain_time_s: float = parameter("tau_gT", "s", float("inf"))    # of the charged film
    follows: bool = parameter("follow", "1", False)                        # gain falls with the populations; no gain times then
    start_cm: float = parameter("x_0", "cm", 0.0)                          # of the stripe, behind the film's edge


@dataclass(frozen=True, kw_only=True)
class Charging:
    """What a voltage across the film does: charge, a Stark shift, current and stored charge."""

    largest_fraction: float = parameter("f_max", "1")              # of crystals charged at high voltage; 0: insulated
    scale_v: float = parameter("V_c", "V")
    time_s: float = parameter("tau_c", "s")
    stark_ev_v2: float = parameter("a_V", "eV/V2", 0.0)            # red shift per square of the voltage
    leakage_ohm: float = parameter("R_leak", "Ohm")
    space_charge_a_v2: float = parameter("k_V", "A/V2", 0.0)
    capacitance_f: float = parameter("C", "F")


@dataclass(frozen=True, kw_only=True)
class Ageing:
    """How the active part of the crystals is lost while the sample waits, in heat and in air."""

    heat_per_s: float = parameter("k_heat", "1/s")                 # at the reference temperature
    heat_reference_k: float = parameter("T_heat", "K")
    activation_ev: float = parameter("E_a", "eV")
    air_per_s: float = parameter("k_air", "1/s", 0.0)


@dataclass(frozen=True, kw_only=True)
class Counted:
    """How many photons reach a photon counter, and under which pump."""

    rate_hz: float = parameter("R_c", "1/s")                       # in a band around the brightest light
    fluence_j_cm2: float = parameter("F_c", "J/cm2")
    wavelength_nm: float = parameter("l_c", "nm")
    repetition_hz: float = parameter("f_c", "Hz")
    pulse_s: float = parameter("tau_c_p", "s")


@dataclass(frozen=True, kw_only=True)
class Fading:
    """A decay of two exponentials as it was measured: typed in, not made by the populations."""

    fast_s: float = parameter("tau_1", "s")
    slow_s: float = parameter("tau_2", "s")
    amplitude_ratio: float = parameter("A_12", "1")                # of the fast over the slow one at t = 0


@dataclass(frozen=True, kw_only=True)
class Cuvette:
    """A solution in a cuvette: how far light goes through it, and how many nanocrystals it holds."""

    path_cm: float = parameter("L_c", "cm")
    density_cm3: float = parameter("rho", "1/cm3")


@dataclass(frozen=True, kw_only=True)
class Detected:
    """How bright the sample appears, and the polarisation of its spontaneous light."""

    peak_electrons_s: float = parameter("I_ref", "1/s")            # in the brightest column under the reference conditions
    reference_fluence_j_cm2: float = parameter("F_ref", "J/cm2")
    reference_wavelength_nm: float = parameter("l_ref", "nm")
    reference_rate_hz: float = parameter("f_ref", "Hz")
    reference_pulse_s: float = parameter("tau_ref", "s")
    reference_gaussian: bool = parameter("gauss_ref", "1", False)  # F_ref is the peak of a Gaussian spot, not the mean of a disc
    polarisation: float = parameter("p_spe", "1")
    angle_deg: float = parameter("th_spe", "deg")
    bleaching_dose_j_cm2: float = parameter("D0", "J/cm2", float("inf"))


@dataclass(frozen=True)
class Sample:
    """One sample; `spectrum(...)` and its relatives live in the modules of the twin, this is data only."""

    name: str
    title: str
    lines: Lines
    absorption: Absorption
    kinetics: Kinetics
    gain: Gain
    detected: Detected
    cavity: Cavity | None = None
    resonance: Resonance | None = None
    stripe: Stripe | None = None
    charging: Charging | None = None
    counted: Counted | None = None
    ageing: Ageing | None = None
    ring: Ring | None = None
    disorder: Disorder | None = None
    fading: Fading | None = None
    cuvette: Cuvette | None = None

    def truth(self) -> dict[str, dict[str, Any]]:
        """Give every finite parameter as symbol → {value, unit}; modes are numbered."""
        table: dict[str, dict[str, Any]] = {}
        for item in fields(self):
            section = getattr(self, item.name)
            if is_dataclass(section):
                table |= _symbols(section, "")
        for number, mode in enumerate(self.cavity.modes if self.cavity else (), 1):
            table |= _symbols(mode, f"_{number}")
        return table


def _symbols(section: Any, suffix: str) -> dict[str, dict[str, Any]]:
    known = [(item.metadata, getattr(section, item.name)) for item in fields(section) if "symbol" in item.metadata]
    return {f"{declared['symbol']}{suffix}": {"value": value, "unit": declared["unit"]}
            for declared, value in known if value is not None and isfinite(value)}
