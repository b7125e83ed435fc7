// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The circumstances in which variants are compared.
struct Cell: Hashable, Codable {
    var size: ResponseSize
    var concurrency: Int

    /// Larger answers show what bodies cost; 16 requests at once are enough for that.
    static func all(_ concurrencies: [Int]) -> [Cell] {
        concurrencies.map { Cell(size: .small, concurrency: $0) }
            + concurrencies.filter { $0 == 16 }.map { Cell(size: .large, concurrency: $0) }
    }

    func contains(_ variant: Variant) -> Bool {
        switch (size, variant) {
        case (.small, _): true
        case (.large, .nioLoop), (.large, .asyncHTTPClient), (.large, .transportLoop), (.large, .meshLoop),
            (.large, .meshTasks), (.large, .envoyTwice):
            true
        case (.large, _): false
        }
    }
}
