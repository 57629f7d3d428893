package formats

import (
	"io"
	"strconv"

	"github.com/xuri/excelize/v2"
)

// FormatXLSX is a workbook of one sheet.
const FormatXLSX Format = "xlsx"

// workbook is a Table as a workbook, which is written when it is closed: rows wait
// in a file where there are many.
type workbook struct {
	to      io.Writer
	file    *excelize.File
	sheet   *excelize.StreamWriter
	numbers []bool
	rows    int
}

func newWorkbook(w io.Writer, columns []string) (*workbook, error) {
	t := &workbook{to: w, file: excelize.NewFile(), numbers: make([]bool, len(columns))}
	var err error
	if t.sheet, err = t.file.NewStreamWriter("Sheet1"); err != nil {
		return nil, err
	}
	err = t.Write(columns...)
	for i, name := range columns {
		t.numbers[i] = numberColumns[name]
	}
	return t, err
}

func (t *workbook) Write(cells ...string) error {
	if len(cells) != len(t.numbers) {
		return wrongCells(len(cells), len(t.numbers))
	}
	t.rows++
	row := make([]any, len(cells))
	for i, cell := range cells {
		row[i] = cell
		if t.numbers[i] {
			row[i] = spreadsheetNumber(cell)
		}
	}
	return t.sheet.SetRow("A"+strconv.Itoa(t.rows), row)
}

// spreadsheetNumber is a number where a spreadsheet holds it to the last digit,
// and its text where it would lose some.
func spreadsheetNumber(cell string) any {
	number, err := strconv.ParseFloat(cell, 64)
	if shown := strconv.FormatFloat(number, 'f', -1, 64); err != nil || shown != cell && shown+".0" != cell {
		return cell
	}
	return number
}

func (t *workbook) Close() error {
	defer t.file.Close()
	if err := t.sheet.Flush(); err != nil {
		return err
	}
	return t.file.Write(t.to)
}

// numberColumns are the columns of numbers.
var numberColumns = map[string]bool{"MarginPercentage": true, "CustomPrice": true}
