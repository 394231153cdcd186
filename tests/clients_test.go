package tests

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// echoServer is a server for clients that others wrote: it sends back what is posted, answers GET /bytes/N with N bytes
// "x", and everything else with "ok".
type echoServer struct {
	addr  string
	asked atomic.Int64 // requests
}

func startEcho(t *testing.T) *echoServer {
	t.Helper()
	e := new(echoServer)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	mux.HandleFunc("GET /bytes/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("n"))
		w.Header().Set("Content-Length", strconv.Itoa(n))
		io.Copy(w, io.LimitReader(endless('x'), int64(n)))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.asked.Add(1)
		http.NewResponseController(w).EnableFullDuplex()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	e.addr = s.Listener.Addr().String()
	return e
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// run runs a client to its end and returns all that it writes, and its exit code. One that hangs fails the test.
func run(t *testing.T, name string, args ...string) (output string, code int) {
	t.Helper()
	bounded, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(bounded, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if bounded.Err() != nil || err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out.String())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// Each of the clients that make load has as many good answers as it asked for, and knows of no error.
func TestClientsThatMakeLoad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, args string
		client     func(t *testing.T) (path string)
		says       []string // patterns; in parentheses stands the number of answers
		never      string
	}{
		{
			name: "ab", args: "-q -n 500 -c 8", client: ab, never: `Non-2xx|Keep-Alive requests`,
			says: []string{`Complete requests: +(500)\n`, `Failed requests: +0\n`, `HTML transferred: +1000 bytes`},
		},
		{
			name: "ab with keep-alive", args: "-q -k -n 500 -c 8", client: ab, never: `Non-2xx`,
			says: []string{`Complete requests: +(500)\n`, `Failed requests: +0\n`, `Keep-Alive requests: +500\n`},
		},
		{
			name: "hey", args: "-n 500 -c 10", client: hey, never: `Error distribution`,
			says: []string{`\[200\]\s+(500) responses`},
		},
		{
			name: "hey without keep-alive", args: "-disable-keepalive -n 500 -c 10", client: hey,
			never: `Error distribution`, says: []string{`\[200\]\s+(500) responses`},
		},
		{
			name: "h2load", args: "--h1 -n 500 -c 8", client: h2load, never: `Process Request Failure`,
			says: []string{`(500) succeeded, 0 failed, 0 errored, 0 timeout`, `status codes: 500 2xx, 0 3xx`},
		},
		{
			name: "h2load that pipelines", args: "--h1 -n 500 -c 8 -m 10", client: h2load,
			never: `Process Request Failure`,
			says:  []string{`(500) succeeded, 0 failed, 0 errored, 0 timeout`, `status codes: 500 2xx, 0 3xx`},
		},
		{
			name: "wrk", args: "-t 1 -c 8 -d 1s", client: wrk, never: `Socket errors|Non-2xx`,
			says: []string{`(\d+) requests in`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client := c.client(t)
			server := startEcho(t)
			b := start(t, settings{backends: []string{server.addr}})
			out, code := run(t, client, append(strings.Fields(c.args), "http://"+b.addr+"/")...)
			if code != 0 || regexp.MustCompile(c.never).MatchString(out) {
				t.Fatalf("exit code %d:\n%s", code, out)
			}
			for _, pattern := range c.says {
				if !regexp.MustCompile(pattern).MatchString(out) {
					t.Fatalf("it does not say %q:\n%s", pattern, out)
				}
			}
			const underWay = 8 // that wrk gives up at its end
			counted, _ := strconv.Atoi(regexp.MustCompile(c.says[0]).FindStringSubmatch(out)[1])
			if asked := int(server.asked.Load()); counted == 0 || asked < counted || asked > counted+underWay {
				t.Errorf("%d answers to %d requests:\n%s", counted, asked, out)
			}
		})
	}
}

// The clients in the libraries of languages: testdata/clients has programs that say what went well.
func TestClientsOfLanguages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, says string
		program    func(t *testing.T) (path string)
	}{
		{"requests.js", "agent chunkedUpload expectation head abort fetches", node},
		{"requests.py", "keep_alive large chunked_upload head expectation version_1_0", python},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			program := c.program(t)
			b := start(t, settings{backends: []string{startEcho(t).addr}})
			out, code := run(t, program, filepath.Join("testdata", "clients", c.name), b.addr)
			if got := strings.Join(strings.Fields(out), " "); code != 0 || got != c.says {
				t.Errorf("exit code %d, %q; want 0, %q", code, out, c.says)
			}
		})
	}
}

func TestCurlByOldVersionAndWithExpectation(t *testing.T) {
	t.Parallel()
	b := start(t, settings{backends: []string{startEcho(t).addr}})
	url := "http://" + b.addr + "/"
	sent := filepath.Join(t.TempDir(), "sent")
	writePattern(t, sent, 1<<20+1)
	if got := curl(t, "--http1.0", "-w", " %{http_code}", url); got != "ok 200" {
		t.Errorf("GET by HTTP/1.0: %q", got)
	}
	expecting := []string{"-H", "Expect: 100-continue", "--expect100-timeout"}
	for _, mode := range [][]string{
		{"--http1.0"},
		append(expecting, "100"),              // longer than a test may take: it must hear a 100
		append(expecting, "0.1", "--http1.0"), // RFC 9110 §10.1.1: it must not
	} {
		compareFiles(t, curl(t, append(slices.Clone(mode), "--data-binary", "@"+sent, url)...), sent)
	}
}

// lb speaks no HTTP/2 with clients. Those who try without asking are told so at once, by HTTP/1.1; the offer of an
// upgrade is no more than that (RFC 9110 §7.8).
func TestClientsOfHTTP2GetAPlainAnswer(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	server := startEcho(t)
	b := start(t, settings{backends: []string{server.addr}})
	url := "http://" + b.addr + "/"
	t.Run("curl offers", func(t *testing.T) {
		out, code := run(t, curlProgram(t), "-sS", "--http2", "-w", " %{http_code} %{http_version}", url)
		if code != 0 || out != "ok 200 1.1" {
			t.Errorf("exit code %d: %q", code, out)
		}
	})
	for _, c := range []struct {
		name, args, says string
		client           func(t *testing.T) (path string)
	}{
		{"curl insists", "-sS --http2-prior-knowledge", "curl: ", curlProgram},
		{"nghttp", "", "Some requests were not processed", nghttp},
		{"nghttp offers", "--upgrade", "HTTP Upgrade failed", nghttp},
		{"h2load", "-n 3 -c 1", "0 succeeded, 3 failed", h2load},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := c.client(t)
			before := server.asked.Load()
			out, _ := run(t, client, append(strings.Fields(c.args), url)...)
			if !strings.Contains(out, c.says) {
				t.Errorf("it does not say %q: %q", c.says, out)
			}
			if got := server.asked.Load() - before; got > 1 || !strings.Contains(c.name, "offers") && got > 0 {
				t.Errorf("%d requests were forwarded", got)
			}
		})
	}
	b.get(t, "/").expect(t, http.StatusOK, "ok")
}

// Where the clients are. Each skips its test where it is missing.
func ab(t *testing.T) (path string)          { return need(t, "ab") }
func curlProgram(t *testing.T) (path string) { return need(t, "curl") }
func h2load(t *testing.T) (path string)      { return need(t, "h2load") }
func hey(t *testing.T) (path string)         { return need(t, "hey") }
func nghttp(t *testing.T) (path string)      { return need(t, "nghttp") }
func node(t *testing.T) (path string)        { return need(t, "node") }
func python(t *testing.T) (path string)      { return need(t, "python3") }
func wrk(t *testing.T) (path string)         { return need(t, "wrk") }
