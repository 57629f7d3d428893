// Package formats reads and writes the files of the trade (files.md names
// every column): CSV, JSON Lines and the vendor's own shapes in, tables and
// rejected records out. It streams, so a file may be larger than memory, and
// it is pure: bytes in, facts and violations out, no store, no clock, no
// network.
//
// A reader yields every record of its file, good or bad. A bad record carries
// all its violations under the file's own field names and does not stop the
// others; what stops a file (a missing column, the wrong encoding, 0 bytes) is
// the error of the sequence.
package formats
