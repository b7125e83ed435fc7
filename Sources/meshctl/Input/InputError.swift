// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Why a file cannot be used: one line for each thing that is wrong, each with its place.
struct InputError: Error, Equatable {
    /// The lines.
    var lines: [String]

    /// Creates an error of several lines.
    init(lines: [String]) {
        self.lines = lines
    }

    /// Creates an error of one line.
    init(_ line: String) {
        self.init(lines: [line])
    }
}
