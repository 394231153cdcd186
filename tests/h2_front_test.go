package tests

import (
	"bufio"
	"context"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var backends = flag.String("backends", "", "`h2c` or h2 (in TLS) has lb speak HTTP/2 to the backends of the tests")

// behaviour are the tests of what lb does whatever its backends speak. They run once with backends of HTTP/1.1, and
// here once more for each other thing that a backend may speak.
const behaviour = `^(TestNoResponseIsMixedUp|TestLargeBodies|TestUploadToASlowBackend|TestDownloadToASlowClient|` +
	`TestEventsReachTheClientAtOnce|TestClientAbortEndsTheUpstreamExchange|TestResponsesWithoutBody|` +
	`TestHeadKeepsTheLengthOfItsGet|TestInterimResponses.*|TestHTTP10.*|` +
	`TestPipelinedRequestsAreAnsweredInOrder|TestRequestSentOneByteAtATime|TestResponseSentOneByteAtATime|` +
	`TestResponseUntilClose|TestHalfClosedClientGetsItsAnswer|` +
	`TestFailureOfTheOnlyBackend|TestFailureBesideAGoodBackend|` +
	`TestConnectionSurvivesABackendFailure|TestStaleConnection|TestEarlyAnswerToALargeUpload)$`

func TestBehaviourOverHTTP2(t *testing.T) { behaves(t, "-backends", "h2c") }

// Inside TLS, sizes and numbers are the short ones.
func TestBehaviourOverTLS(t *testing.T) { behaves(t, "-tls", "-test.short") }

func TestBehaviourOverHTTP2InTLS(t *testing.T) { behaves(t, "-backends", "h2", "-test.short") }

// behaves runs the tests of behaviour in a process of their own, with flags that say what backends speak.
func behaves(t *testing.T, flags ...string) {
	t.Helper()
	lbOnly(t)
	if *backends != "" || *overTLS {
		t.Skip("is running")
	}
	args := append([]string{"-test.run", behaviour}, flags...)
	if testing.Short() {
		args = append(args, "-test.short")
	}
	out, err := exec.Command(os.Args[0], args...).CombinedOutput()
	if err != nil || strings.Contains(string(out), "no tests to run") {
		t.Errorf("%v\n%s", err, out)
	}
}

// served is the address of a server of HTTP/1.1, or that of a server of HTTP/2 in front of it.
func served(t *testing.T, addr string) string {
	t.Helper()
	switch *backends {
	case "h2c":
		return startH2C(t, &front{addr: addr})
	case "h2":
		return startSecure(t, &front{addr: addr}, "h2").backend
	}
	return addr
}

// trusting are settings by which lb verifies the servers that served starts, and asks them for the client's host.
func (s settings) trusting(t *testing.T) settings {
	t.Helper()
	if *backends == "h2" && slices.ContainsFunc(s.backends, func(b string) bool { return strings.HasPrefix(b, "https:") }) {
		s.args = append([]string{"--ca-file", secureAuthority(t), "--host-header", "preserve"}, s.args...)
	}
	return s
}

// secureAuthority is a file with the certificate that all servers of startSecure have.
func secureAuthority(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	path := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// front speaks HTTP/2 for a server of HTTP/1.1. A response that is cut there is reset here.
type front struct{ addr string }

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("tcp", f.addr)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	defer context.AfterFunc(r.Context(), func() { conn.Close() })()
	chunks := r.ContentLength < 0
	writeHead(conn, r, chunks)
	go sendBody(conn, r, chunks)
	if !answer(w, r, bufio.NewReader(conn)) {
		panic(http.ErrAbortHandler)
	}
}

func writeHead(w io.Writer, r *http.Request, chunks bool) {
	head := bufio.NewWriter(w)
	fmt.Fprintf(head, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.RequestURI, r.Host)
	r.Header.Write(head)
	if chunks {
		io.WriteString(head, "Transfer-Encoding: chunked\r\n")
	}
	io.WriteString(head, "\r\n")
	head.Flush()
}

func sendBody(w io.Writer, r *http.Request, chunks bool) {
	if !chunks {
		io.Copy(w, r.Body)
		return
	}
	b := make([]byte, 32<<10)
	for {
		n, err := r.Body.Read(b)
		if n > 0 {
			fmt.Fprintf(w, "%x\r\n%s\r\n", n, b[:n])
		}
		if err != nil {
			break
		}
	}
	io.WriteString(w, "0\r\n")
	r.Trailer.Write(w)
	io.WriteString(w, "\r\n")
}

// answer passes responses on up to the final one, and reports whether that came to its end.
func answer(w http.ResponseWriter, r *http.Request, from *bufio.Reader) bool {
	for {
		res, err := http.ReadResponse(from, r)
		if err != nil {
			return false
		}
		pass(w.Header(), res.Header, "")
		w.WriteHeader(res.StatusCode)
		if res.StatusCode < 200 {
			clear(w.Header())
			continue
		}
		if !copyFlushing(w, res.Body) {
			return false
		}
		pass(w.Header(), res.Trailer, http.TrailerPrefix)
		return true
	}
}

func pass(to, from http.Header, prefix string) {
	for name, values := range from {
		if name != "Connection" {
			to[prefix+name] = values
		}
	}
}

func copyFlushing(w http.ResponseWriter, body io.Reader) bool {
	flush := http.NewResponseController(w).Flush
	for b := make([]byte, 32<<10); ; {
		if flush() != nil {
			return false
		}
		n, err := body.Read(b)
		if _, failed := w.Write(b[:n]); failed != nil && n > 0 {
			return false
		}
		if err != nil {
			return err == io.EOF
		}
	}
}
