"""The form of a procedure, made from its parameters alone, and what a run of it would take."""

from __future__ import annotations

from qtpy import QtCore, QtGui, QtWidgets

from labctl.gui.presenter.fields import CHOICE, SWITCH, Field
from labctl.gui.presenter.form import FormPresenter
from labctl.gui.theme import DARK, GRID, Theme
from labctl.gui.views.parts import Choice, label

LEAST_PX = 84            # least width of one with its label above it
FIELD_PX = 112           # width of a field; the label takes the rest


class FieldView(QtWidgets.QWidget):
    """One parameter: label, what was typed, unit, and below it what is wrong. It keeps every key that was pressed."""

    typed = QtCore.Signal(str, str)          # name, text
    reset = QtCore.Signal(str, str)          # name, source: "default" or "last"

    def __init__(self, field: Field, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None, *, label_above: bool = False):
        super().__init__(parent)
        self.field, self.theme = field, theme
        self._mark = label("", "muted")
        self._mark.setFixedWidth(GRID)
        self._label = label(field.label, wrap=True)
        self._label.setMinimumWidth(60)
        self._problem, self._also = label("", "wrong", wrap=True), label("", "muted", wrap=True)
        self._also.setAlignment(QtCore.Qt.AlignmentFlag.AlignRight)
        self._problem.hide()
        self._also.hide()
        self.editor = self._make_editor()
        self.editor.setAccessibleName(f"{field.label}{f' in {field.shown_unit}' if field.shown_unit else ''}")
        self.setToolTip("\n".join(text for text in (field.description, field.allowed) if text))
        row = QtWidgets.QHBoxLayout()
        row.setSpacing(GRID // 2)
        row.addWidget(self._mark)
        row.addWidget(self._label, 1)
        row.addWidget(self._frame, 0)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        if label_above:
            row.removeWidget(self._label)
            column.addWidget(self._label)
            self._mark.hide()
            self._frame.setMinimumWidth(LEAST_PX)
            self._frame.setMaximumWidth(2 * FIELD_PX)
            row.setStretchFactor(self._frame, 1)
        column.addLayout(row)
        column.addWidget(self._problem)
        column.addWidget(self._also)

    # ---------------------------------------------------------------- editors
    def _make_editor(self) -> QtWidgets.QWidget:
        if self.field.kind == CHOICE:
            made = self._frame = Choice()
            made.addItems(self.field.choices)
            made.currentTextChanged.connect(lambda text: self.typed.emit(self.field.name, text))
        elif self.field.kind == SWITCH:
            made = self._frame = QtWidgets.QCheckBox()
            made.toggled.connect(lambda on: self.typed.emit(self.field.name, "yes" if on else "no"))
        else:
            made = self._make_line()
        self._frame.setFixedWidth(FIELD_PX)
        made.setContextMenuPolicy(QtCore.Qt.ContextMenuPolicy.CustomContextMenu)
        made.customContextMenuRequested.connect(self._menu)
        return made

    def _make_line(self) -> QtWidgets.QLineEdit:
        self._frame = QtWidgets.QFrame()
        self._frame.setObjectName("field")
        made = QtWidgets.QLineEdit()
        made.setAlignment(QtCore.Qt.AlignmentFlag.AlignRight)
        made.textEdited.connect(lambda text: self.typed.emit(self.field.name, text))
        made.installEventFilter(self)
        row = QtWidgets.QHBoxLayout(self._frame)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(made, 1)
        if self.field.shown_unit:
            row.addWidget(label(self.field.shown_unit))
        else:
            row.addSpacing(GRID // 2)
        return made

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Frame the field that has the focus, unit included."""
        if event.type() in (QtCore.QEvent.Type.FocusIn, QtCore.QEvent.Type.FocusOut):
            self._set("focused", event.type() == QtCore.QEvent.Type.FocusIn)
        return super().eventFilter(watched, event)

    def _set(self, name: str, on: bool) -> None:
        if self._frame.property(name) != on:
            self._frame.setProperty(name, on)
            self._frame.style().unpolish(self._frame)
            self._frame.style().polish(self._frame)

    def _menu(self, where: QtCore.QPoint) -> None:
        menu = QtWidgets.QMenu(self)
        menu.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        if isinstance(self.editor, QtWidgets.QLineEdit):
            menu.addAction("Copy", self.editor.copy)
            menu.addAction("Paste", self._paste)
            menu.addSeparator()
        unit = f" {self.field.shown_unit}".rstrip()
        menu.addAction(f"Default: {self.field.write(self.field.default)}{unit}",
                       lambda: self.reset.emit(self.field.name, "default"))
        menu.addAction("As last queued", lambda: self.reset.emit(self.field.name, "last"))
        menu.popup(self.editor.mapToGlobal(where))

    def _paste(self) -> None:
        if isinstance(self.editor, QtWidgets.QLineEdit):
            self.editor.paste()
            self.typed.emit(self.field.name, self.editor.text())

    # ---------------------------------------------------------------- what is shown
    def show_text(self, text: str) -> None:
        """Show a text, unless it is what stands there: a cursor must not jump."""
        if isinstance(self.editor, QtWidgets.QLineEdit):
            if self.editor.text() != text:
                self.editor.setText(text)
        elif isinstance(self.editor, QtWidgets.QComboBox):
            self.editor.setCurrentText(text)
        elif isinstance(self.editor, QtWidgets.QCheckBox):
            self.editor.setChecked(text == "yes")

    def show_state(self, problem: str, changed: bool, also: str = "") -> None:
        """Show what is wrong, whether the value differs from its default, and what it is in other units."""
        self._also.setText(f"= {also}" if also else "")
        self._also.setVisible(bool(also) and not problem)
        self._set("wrong", bool(problem))
        self._problem.setText(f"■ {problem}" if problem else "")
        self._problem.setVisible(bool(problem))
        self._mark.setText("•" if changed else "")
        self._mark.setToolTip("differs from its default" if changed else "")

    @property
    def problem(self) -> str:
        """What is said to be wrong."""
        return self._problem.text()


class FormView(QtWidgets.QWidget):
    """All parameters of the chosen procedure in their groups; scrolls."""

    def __init__(self, presenter: FormPresenter, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.presenter, self.theme = presenter, theme
        self.fields: dict[str, FieldView] = {}
        self.procedure = Choice("procedure")
        self.procedure.setAccessibleName("Procedure")
        self.procedure.activated.connect(lambda number: presenter.choose(self.procedure.itemData(number)))
        self._about = label("", "muted", wrap=True)
        self._scroll = QtWidgets.QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(label("PROCEDURE", "title"))
        column.addWidget(self.procedure)
        column.addWidget(self._about)
        column.addWidget(self._scroll, 1)
        presenter.offered.connect(self._offer)
        presenter.rebuilt.connect(self._rebuild)
        presenter.judged.connect(self._judge)

    def _offer(self) -> None:
        """Put procedures that have been loaded into the choice, each at its place."""
        for number, choice in enumerate(self.presenter.session.procedures.choices):
            if self.procedure.findData(choice.name) < 0:
                self.procedure.insertItem(number, choice.title, choice.name)
                self.procedure.setItemData(number, choice.about, QtCore.Qt.ItemDataRole.ToolTipRole)

    def _rebuild(self) -> None:
        shown = [view.field for view in self.fields.values()]
        if shown != list(self.presenter.fields):
            self._make_fields()
        choice = next(choice for choice in self.presenter.session.procedures.choices if choice.name == self.presenter.name)
        self.procedure.setCurrentIndex(self.procedure.findData(choice.name))
        self._about.setText(choice.about)
        for name, view in self.fields.items():
            view.blockSignals(True)
            view.show_text(self.presenter.texts[name])
            view.blockSignals(False)
        self._judge()

    def _make_fields(self) -> None:
        inside = QtWidgets.QWidget()
        inside.setObjectName("inside")
        column = QtWidgets.QVBoxLayout(inside)
        column.setContentsMargins(0, 0, GRID, 0)
        column.setSpacing(GRID - 2)
        self.fields = {}
        groups = dict.fromkeys(field.group for field in self.presenter.fields)
        for group in groups:
            if group:
                title = label(group.upper(), "title")
                title.setContentsMargins(0, GRID // 2, 0, 0)
                column.addWidget(title)
            for field in (field for field in self.presenter.fields if field.group == group):
                made = self.fields[field.name] = FieldView(field, self.theme)
                made.typed.connect(self.presenter.type)
                made.reset.connect(self._reset)
                column.addWidget(made)
        column.addStretch(1)
        self._scroll.setWidget(inside)

    def _reset(self, name: str, source: str) -> None:
        self.presenter.reset(name, source)
        self.fields[name].show_text(self.presenter.texts[name])

    def _judge(self) -> None:
        for name, view in self.fields.items():
            view.show_state(self.presenter.wrong(name), self.presenter.changed(name), self.presenter.also(name))

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Let Return go to the next field, as in every form."""
        if event.key() in (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter) and (
                event.modifiers() == QtCore.Qt.KeyboardModifier.NoModifier):
            self.focusNextChild()
        else:
            super().keyPressEvent(event)

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = theme
