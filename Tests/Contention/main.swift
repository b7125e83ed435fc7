// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

// Meant to be built with ThreadSanitizer, which ends it with a report where two threads meet without a lock.
let calls = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 2_000
var failed = 0
for contest in try Contest.all() where !(await contest.run(tasks: 8, calls: calls)) { failed += 1 }
print("\(try Contest.all().count - failed) passed, \(failed) failed")
exit(failed == 0 ? 0 : 1)
