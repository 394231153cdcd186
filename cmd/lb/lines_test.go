package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// gate is a sink that takes what it is given only when it is let.
type gate struct {
	let   chan error
	taken []string
	part  int // bytes taken of a line that fails
}

func (g *gate) Write(lines []byte) (int, error) {
	if err := <-g.let; err != nil {
		g.taken = append(g.taken, string(lines[:g.part]))
		return g.part, err
	}
	g.taken = append(g.taken, string(lines))
	return len(lines), nil
}

// lines are what it has taken, line by line.
func (g *gate) lines() []string {
	lines := strings.SplitAfter(strings.Join(g.taken, ""), "\n")
	return lines[:len(lines)-1]
}

// settle waits until the writer waits for a line, and for no others behind one. Within a bubble only.
func settle() {
	time.Sleep(gatherTime)
	synctest.Wait()
}

func spawn(_ string, run func()) { go run() }

func writeLine(t *testing.T, w *lineWriter, i int) {
	t.Helper()
	line := fmt.Sprintf(`{"n":%d}`+"\n", i)
	if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
		t.Errorf("Write = %d, %v; it never fails", n, err)
	}
}

// numbers reads lines of a log: the numbered ones, and how many the reports say are missing before each.
func numbers(t *testing.T, lines []string) (seen []int, lost map[int]uint64) {
	t.Helper()
	lost = make(map[int]uint64)
	var missing uint64
	for _, line := range lines {
		var entry struct {
			N      *int
			Lines  uint64
			Logger string
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		switch {
		case entry.N != nil:
			seen = append(seen, *entry.N)
			lost[*entry.N], missing = missing, 0
		case entry.Logger == "log":
			missing += entry.Lines
		default:
			t.Fatalf("unexpected line %q", line)
		}
	}
	lost[-1] = missing // behind the last line
	return seen, lost
}

func TestFullQueueDropsAndSaysHowMuchWhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &gate{let: make(chan error)}
		w := newLineWriter(sink, logForm, spawn)
		writeLine(t, w, 0)
		synctest.Wait() // line 0 is with the sink
		for i := 1; i <= maxQueuedLines+5; i++ {
			writeLine(t, w, i) // the last five find no room
		}
		sink.let <- nil
		synctest.Wait()                   // some lines have left the queue
		writeLine(t, w, maxQueuedLines+6) // and this one takes the place of one
		close(sink.let)                   // all may pass
		if !w.Close(time.Second) {
			t.Fatal("not all was written")
		}
		seen, lost := numbers(t, sink.lines())
		if len(seen) != maxQueuedLines+2 || seen[maxQueuedLines] != maxQueuedLines || lost[maxQueuedLines+6] != 5 {
			t.Errorf("%d lines, the last %v, lost %v", len(seen), seen[len(seen)-2:], lost[maxQueuedLines+6])
		}
		for i := range maxQueuedLines {
			if seen[i] != i || lost[i] != 0 {
				t.Fatalf("line %d is %d, %d lost before it", i, seen[i], lost[i])
			}
		}
		if w.Dropped() != 5 {
			t.Errorf("Dropped() = %d, want 5", w.Dropped())
		}
	})
}

func TestFailedWritesAreReportedWhenTheSinkRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &gate{let: make(chan error, 100)}
		w := newLineWriter(sink, logForm, spawn)
		for i := range 3 {
			sink.let <- errors.New("no space") // the line
			sink.let <- errors.New("no space") // the report of it, after the line
			if i > 0 {
				sink.let <- errors.New("no space") // the report before the line
			}
			writeLine(t, w, i)
			settle()
		}
		close(sink.let)
		writeLine(t, w, 3)
		if !w.Close(time.Second) {
			t.Fatal("not all was written")
		}
		seen, lost := numbers(t, sink.lines())
		if len(seen) != 1 || seen[0] != 3 || lost[3] != 3 || w.Dropped() != 3 {
			t.Errorf("seen %v, lost %v, dropped %d; want line 3 after 3 lost", seen, lost, w.Dropped())
		}
	})
}

func TestTornLineDoesNotSpoilTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &gate{let: make(chan error, 100), part: 4}
		sink.let <- errors.New("no space")
		close(sink.let)
		w := newLineWriter(sink, logForm, spawn)
		writeLine(t, w, 0)
		settle()
		writeLine(t, w, 1)
		w.Close(time.Second)
		lines := sink.lines()
		if lines[0] != `{"n"`+"\n" {
			t.Fatalf("the torn line is %q", lines[0])
		}
		seen, lost := numbers(t, lines[1:])
		if len(seen) != 1 || seen[0] != 1 || lost[1] != 1 {
			t.Errorf("seen %v, lost %v; want line 1 after 1 lost", seen, lost)
		}
	})
}

func TestCloseWaitsNoLongerThanTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &gate{let: make(chan error)}
		w := newLineWriter(sink, logForm, spawn)
		writeLine(t, w, 0)
		began := time.Now()
		if w.Close(time.Second) || time.Since(began) != time.Second {
			t.Errorf("Close returned after %v", time.Since(began))
		}
		writeLine(t, w, 1)
		if w.Dropped() != 1 {
			t.Errorf("a line after Close: %d dropped, want 1", w.Dropped())
		}
		close(sink.let)
	})
}

func TestLongLinesAreCutAndTheQueueIsBoundInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &gate{let: make(chan error)}
		w := newLineWriter(sink, logForm, spawn)
		for range 2 * maxQueuedBytes / maxLine {
			if _, err := w.Write([]byte(`{"m":"` + strings.Repeat("x", 2*maxLine) + `"}` + "\n")); err != nil {
				t.Fatal(err)
			}
		}
		close(sink.let)
		w.Close(time.Second)
		bytes := 0
		for _, line := range sink.lines() {
			bytes += len(line)
			if len(line) > maxLine || !json.Valid([]byte(line)) {
				t.Fatalf("a line of %d bytes: %q", len(line), line)
			}
		}
		if bytes > maxQueuedBytes+2*maxLine || bytes < maxQueuedBytes-maxLine {
			t.Errorf("%d bytes were kept, want about %d", bytes, maxQueuedBytes)
		}
	})
}

// Lines that come together go to the sink together, in pieces that a pipe takes whole.
func TestLinesAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &gate{let: make(chan error)}
		close(sink.let)
		w := newLineWriter(sink, logForm, spawn)
		const count = 1000
		writeLine(t, w, 0)
		synctest.Wait()
		if len(sink.taken) != 1 {
			t.Errorf("the first line waits for others: %d writes", len(sink.taken))
		}
		bytes := 0
		for i := 1; i < count; i++ {
			writeLine(t, w, i)
			bytes += len(fmt.Sprintf(`{"n":%d}`+"\n", i))
		}
		w.Close(time.Second)
		if most := 2 + bytes/(maxLine-len(`{"n":999}`+"\n")); len(sink.taken) > most {
			t.Errorf("%d writes for %d bytes, want at most %d", len(sink.taken), bytes, most)
		}
		for _, lines := range sink.taken {
			if len(lines) > maxLine || !strings.HasSuffix(lines, "\n") {
				t.Errorf("%d bytes in one write, the last %q", len(lines), lines[len(lines)-1:])
			}
		}
		if seen, _ := numbers(t, sink.lines()); len(seen) != count {
			t.Errorf("%d of %d lines", len(seen), count)
		}
	})
}

// Of lines that were written together, those that the sink took whole are not missed.
func TestOnlyTheLinesThatWereNotTakenAreMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		two := len(`{"n":1}` + "\n" + `{"n":2}` + "\n")
		for _, part := range []int{two - 1, two, two + 1} {
			sink := &gate{let: make(chan error, 2), part: part}
			w := newLineWriter(sink, logForm, spawn)
			sink.let <- nil
			writeLine(t, w, 0)
			synctest.Wait()
			for i := 1; i <= 4; i++ {
				writeLine(t, w, i)
			}
			sink.let <- errors.New("no space")
			close(sink.let)
			w.Close(time.Second)
			want := uint64(2)
			if part < two {
				want = 3
			}
			if w.Dropped() != want {
				t.Errorf("%d bytes taken: %d lines dropped, want %d", part, w.Dropped(), want)
			}
			last := sink.lines()[len(sink.lines())-1]
			if _, lost := numbers(t, []string{last}); lost[-1] != want {
				t.Errorf("%d bytes taken: the last line is %q", part, last)
			}
		}
	})
}

// A pipe that nobody reads fills up, and then drains in order.
func TestFullPipe(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w := newLineWriter(writer, logForm, spawn)
	const count = 60000 // far more than a pipe and the queue hold
	for i := range count {
		writeLine(t, w, i)
	}
	lines := make(chan []string)
	go func() {
		var all []string
		for scanner := bufio.NewScanner(reader); scanner.Scan(); {
			all = append(all, scanner.Text())
		}
		lines <- all
	}()
	if !w.Close(10 * time.Second) {
		t.Error("not all was written")
	}
	writer.Close()
	seen, lost := numbers(t, <-lines)
	var missing uint64
	next := 0
	for _, n := range append(seen, -1) {
		missing += lost[n]
		if n >= 0 && n != next+int(lost[n]) {
			t.Fatalf("line %d follows line %d with %d reported lost", n, next-1, lost[n])
		}
		next = n + 1
	}
	if missing == 0 || missing+uint64(len(seen)) != count || missing != w.Dropped() {
		t.Errorf("%d seen and %d lost of %d; %d dropped", len(seen), missing, count, w.Dropped())
	}
}

func TestClosedPipe(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer writer.Close()
	w := newLineWriter(writer, logForm, spawn)
	for i := range 100 {
		writeLine(t, w, i)
	}
	if !w.Close(10 * time.Second) {
		t.Error("the writer hangs on a dead pipe")
	}
	if w.Dropped() != 100 {
		t.Errorf("%d dropped, want 100", w.Dropped())
	}
}

func BenchmarkWriteLine(b *testing.B) {
	w := newLineWriter(io.Discard, logForm, spawn)
	line := []byte(`{"level":"info","time":"2026-01-02T03:04:05.678Z","logger":"lb","message":"of usual length"}` + "\n")
	b.ReportAllocs()
	for b.Loop() {
		_, _ = w.Write(line)
	}
	w.Close(time.Second)
}
