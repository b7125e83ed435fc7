// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension HealthCheck {
    /// A connection, and perhaps bytes on it (`envoy.config.core.v3.HealthCheck.TcpHealthCheck`).
    public struct TCP: Hashable, Sendable {
        /// The most bytes of an answer that are looked at. Envoy looks at any number until the time is over.
        public static let maximumAnswer = 65_536

        /// What is sent once the connection is made; empty for nothing. It is not sent where nothing is expected, as in
        /// Envoy: then the connection alone is the answer.
        public var send: [UInt8]
        /// What has to come back, each part behind the one before it, with anything in between; empty for nothing.
        ///
        /// No part is empty, and together they have at most `maximumAnswer` bytes.
        public var receive: [[UInt8]]

        /// Creates a check; by default of the connection alone.
        public init(send: [UInt8] = [], receive: [[UInt8]] = []) {
            self.send = send
            self.receive = receive
        }

        /// Whether what came back has all parts.
        /// - Complexity: O(length of answer times length of parts).
        public func isAnswered(by bytes: some Collection<UInt8>) -> Bool {
            var rest = bytes[...]
            for part in receive {
                guard let found = rest.firstRange(of: part) else { return false }
                rest = rest[found.upperBound...]
            }
            return true
        }
    }
}
