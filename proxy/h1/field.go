package h1

import "lb/proxy/semantics"

// kinds is a set of field kinds.
type kinds uint32

func kindsOf(list ...semantics.Kind) (k kinds) {
	for _, kind := range list {
		k |= 1 << kind
	}
	return k
}

func (k kinds) has(kind semantics.Kind) bool { return k>>kind&1 != 0 }

// section is a field section: the lines of a head after the first, or of a trailer.
type section struct {
	fields []semantics.Field
	seen   kinds // of the fields
	twice  kinds // that came more than once
	line   int   // where the line begins that is not complete yet
}

// parse reads field lines from i on, up to and including the empty line, and appends them to s.fields; next is the
// index behind it. Each byte is looked at once: names against a table, values eight bytes at a time. Hot path.
func (s *section) parse(b []byte, i, limit int) (next int, d defect) {
	for {
		start := i
		s.line = i
		if i = tokenEnd(b, i); i == len(b) {
			return 0, incomplete
		}
		if b[i] != ':' || i == start {
			return s.end(b, start, i)
		}
		name := b[start:i:i]
		i++
		for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
			i++
		}
		start = i
		i = valueEnd(b, i)
		if i+1 >= len(b) || b[i] != '\r' || b[i+1] != '\n' {
			return 0, lineEnd(b, i)
		}
		if len(s.fields) == limit {
			return 0, manyFields
		}
		s.add(name, trimRight(b[start:i:i]))
		i += 2
	}
}

func (s *section) add(name, value []byte) {
	kind := semantics.KindOf(name)
	s.fields = append(s.fields, semantics.Field{Name: name, Value: value, Kind: kind})
	s.twice |= s.seen & (1 << kind)
	s.seen |= 1 << kind
}

// end takes the line from start on, whose byte at i is neither of a name nor its colon: it is the empty line, or wrong.
func (s *section) end(b []byte, start, i int) (next int, d defect) {
	if i > start || b[i] != '\r' {
		return 0, nameDefect(b[i], i == start)
	}
	if d := lineEnd(b, i); d != sound {
		return 0, d
	}
	return i + 2, sound
}

// nameDefect names what is wrong with byte c at the end of a field name.
func nameDefect(c byte, first bool) defect {
	switch {
	case first && c == ':':
		return emptyName
	case first && (c == ' ' || c == '\t'): // RFC 9112 §5.2, and §2.2 for the first line
		return foldedLine
	case c == ' ' || c == '\t': // RFC 9112 §5.1
		return spaceBeforeColon
	case c == '\n':
		return bareLF
	case c == '\r':
		return noColon
	}
	return badName
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// value of the first field of the kind, which s has seen.
func (s *section) value(kind semantics.Kind) []byte {
	for i := range s.fields {
		if s.fields[i].Kind == kind {
			return s.fields[i].Value
		}
	}
	return nil
}
