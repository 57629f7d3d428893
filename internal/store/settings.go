package store

import (
	"encoding/json"
	"errors"

	"gorm.io/gorm/clause"
)

// setting is one named value that goes with the database: the key that signs
// tokens, the demo's clock.
type setting struct {
	Name  string `gorm:"column:name;primaryKey"`
	Value string `gorm:"column:value"`
}

// Setting is the value of a setting and whether it has one.
func (r *Reader) Setting(name string) (string, bool, error) {
	row, err := one[setting](r, "settings", r.from("settings").Where("name = ?", name))
	if errors.Is(err, ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	return row.Value, true, nil
}

// SetSetting sets or replaces a setting.
func (w *Writer) SetSetting(name, value string) error {
	return wrap(w.db.Table("settings").Clauses(clause.OnConflict{UpdateAll: true}).Create(&setting{name, value}).Error)
}

// SettingOrSet is the value of a setting, or what make returns, which is then
// kept. Two processes that ask at once get the same.
func (w *Writer) SettingOrSet(name string, make func() string) (string, error) {
	value, ok, err := w.Setting(name)
	if err != nil || ok {
		return value, err
	}
	value = make()
	// Another's insert in between is ErrDuplicate, and Write asks again.
	return value, wrap(w.db.Table("settings").Create(&setting{name, value}).Error)
}

func jsonList(values []string) string {
	text, _ := json.Marshal(values) // strings always marshal
	return string(text)
}
