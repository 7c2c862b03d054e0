"""The plots of a run in tabs, one of them pinned below the others."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy import QtCore, QtGui, QtWidgets

from labctl.core.plots import Histogram, Plot, Spectrum
from labctl.gui.model.measured import Measured
from labctl.gui.theme import DARK, GRID, Theme
from labctl.gui.views.parts import button
from labctl.gui.views.plots import PlotView, build
from labctl.gui.views.titles import fitted

PINNED, PINNED_DECAY = Spectrum("Live spectrum"), Spectrum("Live decay")
TAB_PX = 2 * (GRID + 6) + 6           # of a tab beside its title
ABOVE = 58               # per cent of the height for the plots above the pinned one


class CentreView(QtWidgets.QWidget):
    """Tabs made from declarations; further pages may stand beside them."""

    go_to = QtCore.Signal(dict)

    def __init__(self, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.theme, self.idle = theme, False
        self.specs: tuple[Plot, ...] = ()
        self.measured: Measured | None = None
        self.views: list[PlotView] = []
        self.pinned: PlotView | None = None
        self._pages: list[QtWidgets.QWidget] = []
        self._room = True
        self.tabs = QtWidgets.QTabWidget()
        self.tabs.setAccessibleName("Plots")
        self.tabs.tabBar().setElideMode(QtCore.Qt.TextElideMode.ElideNone)
        self.tabs.tabBar().setUsesScrollButtons(True)
        self.tabs.currentChanged.connect(lambda number: self._turned())
        self.pin = button("Pin", self._place_pinned, "quiet", "Keep the spectrum below the other plots")
        self.pin.setCheckable(True)
        self.pin.setChecked(True)
        self.tabs.setCornerWidget(self.pin)
        self._below = QtWidgets.QFrame()
        self._below.setObjectName("panel")
        below = QtWidgets.QVBoxLayout(self._below)
        below.setContentsMargins(0, 0, 0, GRID // 2)
        self.split = QtWidgets.QSplitter(QtCore.Qt.Orientation.Vertical)
        self.split.setHandleWidth(GRID)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.tabs)
        self.split.addWidget(self._below)
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 2)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.split)

    # ---------------------------------------------------------------- what is shown
    def show_plots(self, specs: Sequence[Plot]) -> None:
        """Make the tabs of these declarations; those that are shown already stay."""
        if tuple(specs) == self.specs and self.views:
            self.set_run(None)
            return
        current, first = self._title(self.tabs.currentIndex()), not self.views
        for view in self.views:
            view.setParent(None)
            view.deleteLater()
        self.specs = tuple(specs)
        newest = PINNED_DECAY if any(isinstance(spec, Histogram) for spec in specs) else PINNED
        spectrum = next((spec for spec in specs if isinstance(spec, Spectrum)), newest)
        others = [spec for spec in specs if spec is not spectrum]
        self.pinned = self._view(spectrum)
        self.views = [*(self._view(spec) for spec in others), self.pinned]
        for number, view in enumerate(self.views[:-1]):
            self._insert(number, view)
        self._place_pinned()
        self._fit_titles()
        if first or not self.select(current):
            self.tabs.setCurrentIndex(0)

    def _view(self, spec: Plot) -> PlotView:
        view = build(spec, self.theme)
        view.set_idle(self.idle)
        view.go_to.connect(self.go_to)
        return view

    def set_run(self, measured: Measured | None, rehearsal: Measured | None = None) -> None:
        """Show a run in all plots."""
        self.measured = measured
        if measured is not None and self.tabs.currentWidget() in self._pages:
            self.tabs.setCurrentIndex(0)             # who starts or opens a run wants to see it
        for view in self.views:
            view.set_run(measured)
            view.set_rehearsal(rehearsal)
        self._hide_empty()

    def expect(self, planned: Measured) -> None:
        """Lay the plots out for a run that has not been started; nobody is led away from what he looks at."""
        for view in self.views:
            view.set_run(planned)

    def set_rehearsal(self, rehearsal: Measured | None) -> None:
        """Show what a rehearsal promised behind the data."""
        for view in self.views:
            view.set_rehearsal(rehearsal)

    def reduced(self) -> None:
        """The analysis has something to say."""
        for view in self.views:
            view.reduced()
        self._hide_empty()

    def refresh(self) -> None:
        """Draw what has come, where somebody can see it."""
        for view in self.views:
            if view.isVisible():
                view.refresh()

    def set_idle(self, idle: bool) -> None:
        """Allow going somewhere by a click only while nothing runs."""
        if idle != self.idle:
            self.idle = idle
            for view in self.views:
                view.set_idle(idle)

    # ---------------------------------------------------------------- pages and pinning
    def add_page(self, widget: QtWidgets.QWidget, title: str) -> None:
        """Put a page of another kind behind the plots."""
        self._pages.append(widget)
        self.tabs.addTab(widget, title)

    def select(self, title: str) -> bool:
        """Bring a tab to the front by its title; False when there is none."""
        for number in range(self.tabs.count()):
            if self._title(number).lower() == title.lower() and self.tabs.isTabVisible(number):
                self.tabs.setCurrentIndex(number)
                return True
        return False

    def turn_to(self, place: int) -> None:
        """Bring the tab at a place among those in sight to the front, 0 the first; none where there is none."""
        seen = [number for number in range(self.tabs.count()) if self.tabs.isTabVisible(number)]
        if place < len(seen):
            self.tabs.setCurrentIndex(seen[place])

    @property
    def titles(self) -> list[str]:
        """The titles of all tabs."""
        return [self._title(number) for number in range(self.tabs.count())]

    def _insert(self, number: int, view: PlotView) -> None:
        self.tabs.insertTab(number, view, view.spec.title)
        self.tabs.tabBar().setTabData(number, view.spec.title)
        self.tabs.setTabToolTip(number, view.spec.title)

    def _title(self, number: int) -> str:
        return str(self.tabs.tabBar().tabData(number) or self.tabs.tabText(number))

    def _fit_titles(self) -> None:
        """Shorten the titles of plots until every tab is in sight; the whole one stands in its tool tip."""
        bar, metrics = self.tabs.tabBar(), self.tabs.fontMetrics()
        seen = [number for number in range(self.tabs.count()) if self.tabs.isTabVisible(number)]
        plots = [number for number in seen if bar.tabData(number)]
        pages = sum(metrics.horizontalAdvance(self._title(number)) for number in seen if number not in plots)
        room = self.width() - self.pin.sizeHint().width() - TAB_PX * len(seen) - pages
        titles = fitted([self._title(number) for number in plots], room, metrics.horizontalAdvance,
                        lambda title, most: metrics.elidedText(title, QtCore.Qt.TextElideMode.ElideRight, most))
        for number, title in zip(plots, titles, strict=True):
            if title != self.tabs.tabText(number):
                self.tabs.setTabText(number, title)

    def _hide_empty(self) -> None:
        """Hide the tabs of a finished run for which its analysis has nothing; a run that was not analysed says why in each."""
        measured = self.measured
        over = measured is not None and not measured.live and len(measured) > 0
        analysed = over and measured.reduction is not None and bool(measured.reduction.curves or measured.reduction.results)
        here = self.tabs.currentWidget()            # nobody is led away from what he looks at
        empty = [analysed and view.empty and view is not here and not isinstance(view.spec, Spectrum) for view in self.views]
        for view, hidden in zip(self.views, empty, strict=True):
            if self.tabs.indexOf(view) >= 0:
                self.tabs.setTabVisible(self.tabs.indexOf(view), not hidden or all(empty))
        self._fit_titles()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Give the titles the room there is."""
        super().resizeEvent(event)
        self._fit_titles()

    def _turned(self) -> None:
        """Leave the room to a page that is no plot of the run; draw what has come into sight."""
        self._below.setVisible(self._below.layout().count() > 0 and self.tabs.currentWidget() not in self._pages)
        self.refresh()

    def _place_pinned(self) -> None:
        """Put the spectrum below the tabs, or among them when it is not pinned or nothing else is there."""
        if self.pinned is None:
            return
        below = self.pin.isChecked() and self._room and len(self.views) > 1
        self._below.setVisible(below)
        if below and self.pinned.parentWidget() is not self._below:
            if self.tabs.indexOf(self.pinned) >= 0:
                self.tabs.removeTab(self.tabs.indexOf(self.pinned))
            self._below.layout().addWidget(self.pinned)
            self.pinned.show()
        elif not below and self.tabs.indexOf(self.pinned) < 0:
            self._insert(len(self.views) - 1, self.pinned)
        self._fit_titles()
        self._turned()

    def share_out(self) -> None:
        """Give the plots in the tabs more room than the pinned spectrum."""
        height = max(self.split.height(), 100)
        self.split.setSizes([height * ABOVE // 100, height * (100 - ABOVE) // 100])

    def fit(self, height: int, least: int) -> None:
        """Unpin where there is no room."""
        self._room = height >= least
        self._place_pinned()

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = theme
        for view in self.views:
            view.restyle(theme)
        for page in self._pages:
            restyle = getattr(page, "restyle", None)
            if restyle is not None:
                restyle(theme)
