package actors

import (
	"bytes"
	"encoding/json"
	"io"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"lb/messages"
	"lb/proxy"
)

// usual is what most lines are like.
var usual = proxy.Access{
	RequestID: []byte("64a1b2c3d4e5f-0-1a2b3c"), Client: netip.MustParseAddrPort("192.0.2.17:50123"),
	Method: []byte("GET"), Host: []byte("www.example.com"), Path: []byte("/products/17?colour=blue"), Protocol: "HTTP/1.1",
	Status: 200, BytesOut: 64, Duration: 1234 * time.Microsecond, TTFB: 1200 * time.Microsecond,
	Backend: "http://192.0.2.80:8080", Attempts: 1,
}

// logged is the line of an exchange, without its line end.
func logged(a *proxy.Access) string {
	var line bytes.Buffer
	accessLog(zerolog.New(&line))(a)
	return string(bytes.TrimSuffix(line.Bytes(), []byte("\n")))
}

func TestAccessLineOfAUsualExchange(t *testing.T) {
	const want = `{"level":"info","logger":"access","request_id":"64a1b2c3d4e5f-0-1a2b3c","client":"192.0.2.17:50123",` +
		`"method":"GET","host":"www.example.com","path":"/products/17?colour=blue","protocol":"HTTP/1.1","status":200,` +
		`"bytes_in":0,"bytes_out":64,"duration_ms":1.234,"ttfb_ms":1.2,"backend":"http://192.0.2.80:8080","attempts":1,` +
		`"message":"exchange"}`
	if line := logged(&usual); line != want {
		t.Errorf("\n%s\nwant\n%s", line, want)
	}
}

// What clients send reaches whoever reads the log as it is, and ends no string of a line.
func TestAccessLineQuotesWhatClientsSend(t *testing.T) {
	for sent, want := range map[string]string{
		`/"a"\b`: `/"a"\b`, "/tab\tand\x01": "/tab\tand\x01", "/größe": "/größe", "/<&>": "/<&>", "": "",
		"/\xff": "/\ufffd", "/\x7f": "/\x7f",
	} {
		a := usual
		a.Path, a.Host, a.RequestID, a.Detail = []byte(sent), []byte(sent), []byte(sent), sent
		var line struct {
			RequestID string `json:"request_id"`
			Host      string
			Path      string
			Detail    string
			Attempts  int
		}
		if err := json.Unmarshal([]byte(logged(&a)), &line); err != nil {
			t.Errorf("%q: %v in %s", sent, err, logged(&a))
		}
		if line.Path != want || line.Host != want || line.RequestID != want || line.Detail != want || line.Attempts != 1 {
			t.Errorf("%q is logged as %+v", sent, line)
		}
	}
}

func TestAccessLineOfWhatWasNotUnderstood(t *testing.T) {
	a := proxy.Access{
		Status: 400, Reason: messages.HTTPRequestError, Detail: "bad chunk size", Duration: 7 * time.Microsecond,
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(logged(&a)), &line); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"level": "warn", "logger": "access", "request_id": "", "client": "invalid AddrPort", "method": "", "host": "",
		"path": "", "protocol": "", "status": 400.0, "bytes_in": 0.0, "bytes_out": 0.0, "duration_ms": 0.007, "ttfb_ms": 0.0,
		"backend": "", "attempts": 0.0, "error": messages.HTTPRequestError.String(), "detail": "bad chunk size",
		"message": "exchange",
	}
	if !reflect.DeepEqual(line, want) {
		t.Errorf("\n%v\nwant\n%v", line, want)
	}
}

func TestMillisecondsOfALine(t *testing.T) {
	for us, want := range map[time.Duration]string{
		0: "0", 1: "0.001", 20: "0.02", 300: "0.3", 1000: "1", 1010: "1.01", 10203: "10.203", 3_600_000_000: "3600000",
		-5: "0",
	} {
		if got := string(appendMilliseconds(nil, us*time.Microsecond)); got != want {
			t.Errorf("%d µs: %s, want %s", us, got, want)
		}
	}
}

func TestAccessLineAllocatesNothing(t *testing.T) {
	write := accessLog(zerolog.New(io.Discard).With().Timestamp().Logger())
	if n := testing.AllocsPerRun(100, func() { write(&usual) }); n != 0 {
		t.Errorf("%v allocations per line", n)
	}
}

func BenchmarkAccessLine(b *testing.B) {
	write := accessLog(zerolog.New(io.Discard).With().Timestamp().Logger())
	b.ReportAllocs()
	for b.Loop() {
		write(&usual)
	}
}
