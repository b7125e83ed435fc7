// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

// Only for builds with ThreadSanitizer (`-Xswiftc -DTHREAD_SANITIZER`). It cannot see what the standard library's mutex
// does once two threads meet at it, and takes all that the mutex protects for races. POSIX's mutexes it knows.
#if THREAD_SANITIZER

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// `Synchronization.Mutex` over POSIX: it takes that one's place in this module.
// Unchecked: the value is reached through `withLock` alone, which holds the lock meanwhile.
struct Mutex<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    init(_ initialValue: consuming sending Value) {
        lock = .allocate(capacity: 1)
        pthread_mutex_init(lock, nil)
        value = .allocate(capacity: 1)
        value.initialize(to: initialValue)
    }

    deinit {
        value.deinitialize(count: 1)
        value.deallocate()
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return try body(&value.pointee)
    }
}

#endif
