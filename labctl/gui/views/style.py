"""The look of all widgets of a theme, as one style sheet; what a sheet cannot say, the views paint from the same tokens."""

from __future__ import annotations

from qtpy import QtGui, QtWidgets

from labctl.gui.theme import CAPTION_PX, FONTS, GRID, RADIUS, TEXT_PX, VALUE_PX, Theme


def font(px: int = TEXT_PX, *, bold: bool = False) -> QtGui.QFont:
    """Give the first font of the stack that is there, in a size of px."""
    made = QtGui.QFont()
    made.setFamilies(list(FONTS))
    made.setPixelSize(px)
    made.setWeight(QtGui.QFont.Weight.DemiBold if bold else QtGui.QFont.Weight.Normal)
    return made


def palette(theme: Theme) -> QtGui.QPalette:
    """Give the colours for what no style sheet reaches: selections, links, tool tips."""
    made, role, colour = QtGui.QPalette(), QtGui.QPalette.ColorRole, QtGui.QColor
    for where, what in ((role.Window, theme.background), (role.Base, theme.field), (role.AlternateBase, theme.card),
                        (role.Text, theme.text), (role.WindowText, theme.text), (role.ButtonText, theme.text),
                        (role.Button, theme.card), (role.Highlight, theme.selected), (role.HighlightedText, theme.text),
                        (role.ToolTipBase, theme.card), (role.ToolTipText, theme.text), (role.PlaceholderText, theme.muted),
                        (role.Link, theme.accent), (role.Light, theme.card), (role.Midlight, theme.card), (role.Mid, theme.border),
                        (role.Dark, theme.background), (role.Shadow, theme.background)):
        made.setColor(where, colour(what))
    return made


def apply(app: QtWidgets.QApplication, theme: Theme) -> None:
    """Dress an application; a sheet it wears already is not put on again, for every widget would be looked at anew."""
    if app.styleSheet() == sheet(theme):
        return
    app.setStyle("Fusion")
    app.setFont(font())
    app.setPalette(palette(theme))
    app.setStyleSheet(sheet(theme))


def sheet(theme: Theme) -> str:
    """Write the style sheet of a theme."""
    return f"""
    QWidget {{ color: {theme.text}; font-size: {TEXT_PX}px; }}
    QMainWindow, #bench {{ background: {theme.background}; }}
    QToolTip {{ color: {theme.text}; background: {theme.card}; border: 1px solid {theme.border}; padding: {GRID // 2}px; }}
    #header, #status {{ background: {theme.panel}; }}
    #header {{ border-bottom: 1px solid {theme.border}; }}
    #status {{ border-top: 1px solid {theme.border}; }}
    #panel {{ background: {theme.panel}; border: 1px solid {theme.border}; border-radius: {RADIUS}px; }}
    #card, #before {{ background: {theme.card}; border: 1px solid {theme.border}; border-radius: {RADIUS}px; }}
    #title {{ color: {theme.muted}; font-size: {CAPTION_PX}px; font-weight: 600; letter-spacing: 0.5px; }}
    #muted {{ color: {theme.muted}; font-size: {CAPTION_PX}px; }}
    #wrong {{ color: {theme.fault}; font-size: {CAPTION_PX}px; }}
    #warning {{ color: {theme.warning}; font-size: {CAPTION_PX}px; }}
    #strong {{ font-weight: 600; }}
    #value {{ font-size: {VALUE_PX}px; font-weight: 600; }}
    #brand {{ font-size: 15px; font-weight: 700; }}
    QScrollArea, #inside, QStackedWidget {{ background: transparent; border: none; }}
    QSplitter::handle {{ background: transparent; }}
    QLineEdit, QComboBox, #field, QPlainTextEdit, QTextEdit {{ background: {theme.field}; border: 1px solid {theme.border};
        border-radius: {RADIUS}px; selection-background-color: {theme.selected}; selection-color: {theme.text}; }}
    QLineEdit {{ padding: 3px {GRID}px; min-height: 20px; }}
    QLineEdit:focus, QComboBox:focus, #field[focused="true"] {{ border: 1px solid {theme.accent}; }}
    #field QLineEdit {{ border: none; background: transparent; padding: 2px 2px 2px {GRID}px; min-height: 18px; }}
    #field[wrong="true"] {{ border: 1px solid {theme.fault}; }}
    #field QLabel {{ color: {theme.muted}; padding-right: {GRID - 2}px; }}
    QComboBox {{ padding: 3px {GRID}px; min-height: 20px; }}
    QComboBox::drop-down {{ border: none; width: 20px; }}
    QComboBox QAbstractItemView {{ background: {theme.card}; border: 1px solid {theme.border}; outline: none;
        selection-background-color: {theme.selected}; selection-color: {theme.text}; }}
    QComboBox#small {{ padding: 0 {GRID // 2}px; min-height: 16px; font-size: {CAPTION_PX}px; }}
    #procedure {{ font-size: 14px; font-weight: 600; min-height: 24px; }}
    QCheckBox {{ spacing: {GRID}px; }}
    QCheckBox::indicator {{ width: 14px; height: 14px; border: 1px solid {theme.muted}; border-radius: 3px;
        background: {theme.field}; }}
    QCheckBox::indicator:checked {{ background: {theme.accent}; border-color: {theme.accent}; }}
    QCheckBox:focus {{ color: {theme.accent}; }}
    QPushButton {{ background: {theme.card}; border: 1px solid {theme.border}; border-radius: {RADIUS}px; padding: 5px {GRID + 3}px;
        font-weight: 500; }}
    QPushButton:hover {{ border-color: {theme.muted}; }}
    QPushButton:focus {{ border: 1px solid {theme.accent}; }}
    QPushButton:pressed, QPushButton:checked {{ background: {theme.selected}; border-color: {theme.accent}; }}
    QPushButton:disabled {{ color: {theme.off}; background: {theme.panel}; }}
    QPushButton#primary {{ background: {theme.accent}; color: {theme.on_accent}; border: 1px solid {theme.accent};
        font-weight: 600; }}
    QPushButton#primary:disabled {{ background: {theme.card}; color: {theme.off}; border-color: {theme.border}; }}
    QPushButton#primary:focus {{ border: 2px solid {theme.text}; }}
    QPushButton#abort {{ background: {theme.abort}; color: {theme.on_abort}; border: 1px solid {theme.abort}; font-weight: 700;
        font-size: 14px; letter-spacing: 0.5px; min-width: 136px; min-height: 24px; }}
    QPushButton#abort:focus {{ border: 2px solid {theme.text}; }}
    QPushButton#quiet {{ background: transparent; border: 1px solid transparent; color: {theme.muted}; padding: 3px {GRID}px; }}
    QPushButton#quiet:hover {{ color: {theme.text}; border-color: {theme.border}; }}
    QPushButton#quiet:focus {{ border-color: {theme.accent}; color: {theme.text}; }}
    QPushButton#quiet:checked {{ background: {theme.selected}; color: {theme.text}; }}
    QPushButton#quiet:disabled {{ color: {theme.off}; }}
    QTabBar {{ qproperty-drawBase: 0; }}
    QTabBar::tab {{ background: transparent; color: {theme.muted}; padding: 6px {GRID + 6}px; margin-right: 2px;
        border: 1px solid transparent; border-bottom: none; border-top-left-radius: {RADIUS}px;
        border-top-right-radius: {RADIUS}px; }}
    QTabBar::tab:selected {{ background: {theme.panel}; color: {theme.text}; border-color: {theme.border}; }}
    QTabBar::tab:hover {{ color: {theme.text}; }}
    QTabBar::tab:focus {{ color: {theme.accent}; }}
    QTabWidget::pane {{ background: {theme.panel}; border: 1px solid {theme.border}; border-radius: {RADIUS}px; top: -1px; }}
    QTableView, QListView, QTreeView {{ background: transparent; border: none; outline: none;
        selection-background-color: {theme.selected}; selection-color: {theme.text}; }}
    QTableView::item {{ padding: 0 {GRID // 2}px; border: none; }}
    QTableView:focus {{ border: 1px solid {theme.accent}; border-radius: {RADIUS}px; }}
    QHeaderView {{ background: transparent; }}
    QHeaderView::section {{ background: transparent; color: {theme.muted}; border: none; padding: 3px {GRID // 2}px;
        font-size: {CAPTION_PX}px; font-weight: 500; }}
    QPlainTextEdit#log {{ background: transparent; border: none; }}
    QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
    QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
    QScrollBar::handle {{ background: {theme.border}; border-radius: 4px; min-height: 24px; min-width: 24px; margin: 1px; }}
    QScrollBar::handle:hover {{ background: {theme.muted}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QAbstractScrollArea::corner {{ background: transparent; border: none; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QMenu {{ background: {theme.card}; border: 1px solid {theme.border}; padding: {GRID // 2}px; }}
    QMenu::item {{ padding: 4px {GRID * 2}px; border-radius: 3px; }}
    QMenu::item:selected {{ background: {theme.selected}; }}
    QMenu::item:disabled {{ color: {theme.off}; }}
    QDialog {{ background: {theme.panel}; }}
    """
