package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestPIDFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lb.pid")
	if err := os.WriteFile(path, []byte("a longer text than a number\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pid, err := writePIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if stat, err := os.Stat(path); err != nil || stat.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v; want 0644", stat.Mode(), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("beside the file: %v, %v", entries, err)
	}
	pid.remove()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after remove: %v", err)
	}
	pid.remove() // gone already
}

func TestPIDFileOfAnotherIsLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lb.pid")
	pid, err := writePIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pid.remove()
	if text, err := os.ReadFile(path); err != nil || string(text) != "1\n" {
		t.Errorf("the other's file: %q, %v", text, err)
	}
}

func TestPIDFileFaults(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing", "lb.pid")
	if _, err := writePIDFile(missing); err == nil || err.Error() != "pid file "+missing+": no such file or directory" {
		t.Errorf("missing folder: %v", err)
	}
	if _, err := writePIDFile(dir); err == nil || !strings.HasSuffix(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
