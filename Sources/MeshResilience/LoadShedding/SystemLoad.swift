// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Says how loaded the system is, in the unit of `LoadShedderConfiguration.loadTrigger`: the load average, or the share
/// of the processors that is busy.
///
/// It is read for every request, from any thread: it returns a number that somebody else keeps up to date.
public struct SystemLoad: Sendable {
    let read: @Sendable () -> Double

    /// Creates a source.
    public init(_ read: @escaping @Sendable () -> Double) {
        self.read = read
    }
}
