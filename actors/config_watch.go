package actors

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/fsnotify/fsnotify"

	"lb/supervisor"
)

// watch tells that something happened near a file. It watches directories: a watch of the file itself would go with the
// file when another one is renamed over it, and would see nothing of a symbolic link that changes.
type watch struct {
	path    string
	watcher *fsnotify.Watcher
	// told is set while a call of touched has not been answered by heard, so that a storm of events is one message.
	told atomic.Bool
}

// startWatch calls touched on a goroutine of its own for what happens, until close. Nothing is watched before follow.
func startWatch(path string, goroutines *supervisor.Goroutines, touched func()) (*watch, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	w := &watch{path: path, watcher: watcher}
	goroutines.Go("watch "+path, func() {
		for w.await() {
			if w.told.CompareAndSwap(false, true) {
				touched()
			}
		}
	})
	return w, nil
}

// await returns false at the end. An error is an overflow at most: events were lost, so something happened.
func (w *watch) await() (happened bool) {
	select {
	case _, happened = <-w.watcher.Events:
	case _, happened = <-w.watcher.Errors:
	}
	return happened
}

// heard allows the next call of touched.
func (w *watch) heard() { w.told.Store(false) }

// follow watches the directories that the path leads through now. A directory that cannot be watched is left to the
// next reading, which comes in any case.
func (w *watch) follow() {
	want := directories(w.path)
	for _, dir := range w.watcher.WatchList() {
		if !slices.Contains(want, dir) {
			_ = w.watcher.Remove(dir)
		}
	}
	for _, dir := range want {
		_ = w.watcher.Add(dir)
	}
}

func (w *watch) close() { _ = w.watcher.Close() }

// maxLinks is as many symbolic links as Linux follows in a path.
const maxLinks = 40

// directories lists where something has to happen for another file to be found under the path: the directory of the
// file, and that of each symbolic link on the way to it. Kubernetes, for one, has lb.json -> ..data/lb.json and
// ..data -> ..2026_07_01, and swaps the latter.
func directories(path string) []string {
	at, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	var dirs []string
	for range maxLinks {
		next, dir, err := followLink(at)
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
		if err != nil || next == at {
			break
		}
		at = next
	}
	return dirs
}

// followLink replaces the first symbolic link in an absolute path by what it points to, and returns the directory
// that the link is in. Without one it returns the path itself and the file's directory.
func followLink(path string) (next, dir string, err error) {
	dir = string(filepath.Separator)
	parts := strings.Split(strings.TrimPrefix(path, dir), string(filepath.Separator))
	for i, part := range parts {
		at := filepath.Join(dir, part)
		target, err := os.Readlink(at)
		if err == nil {
			if !filepath.IsAbs(target) {
				target = filepath.Join(dir, target)
			}
			return filepath.Join(append([]string{target}, parts[i+1:]...)...), dir, nil
		}
		if errors.Is(err, os.ErrNotExist) || i == len(parts)-1 {
			return path, dir, nil
		}
		dir = at
	}
	return path, dir, nil
}
