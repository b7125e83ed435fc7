// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension WeightedClusters {
    /// The position of the share that a request belongs to.
    /// - Parameters:
    ///   - request: The request.
    ///   - random: The request's random number.
    ///   - hash: The hash of the route's hash policies, without making a cookie; evaluated only where it decides.
    /// - Complexity: O(number of shares), and what the hash needs.
    public func position(for request: some RequestHead, random: UInt64, hash: @autoclosure () -> UInt64?) -> Int {
        guard shares.count > 1 else { return 0 }
        switch choice {
        case .random: return position(for: random)
        case .hash: return position(for: hash() ?? random)
        case .header(let name):
            // Several values would let each hop choose another cluster: they count as none.
            let values = request.values(of: name)
            guard values.count == 1, let number = values[0].wholeNumber else { return position(for: random) }
            return position(for: number)
        }
    }

    /// The name of a share's cluster for a request; `nil` if the header that should have it is missing or empty.
    public func clusterName(at position: Int, for request: some RequestHead) -> String? {
        let share = shares[position]
        guard let header = share.clusterHeader else { return share.cluster }
        return request.clusterName(in: header)
    }
}

extension ClusterSpecifier {
    /// The name of the cluster that a request names itself; `nil` if it names none.
    public static func clusterName(in header: HeaderName, of request: some RequestHead) -> String? {
        request.clusterName(in: header)
    }
}

extension RequestHead {
    /// Anybody may have sent the header: only its first value counts.
    fileprivate func clusterName(in header: HeaderName) -> String? {
        firstValue(of: header).flatMap { $0.isEmpty ? nil : $0 }
    }
}

extension String {
    /// The whole number that a text is: decimal digits, with a plus sign and blanks around them as C++ libraries allow.
    var wholeNumber: UInt64? {
        var bytes = utf8[...]
        let blank: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        bytes = bytes.drop(while: blank)
        while let last = bytes.last, blank(last) { bytes = bytes.dropLast() }
        if bytes.first == UInt8(ascii: "+") { bytes = bytes.dropFirst() }
        guard !bytes.isEmpty else { return nil }
        var number: UInt64 = 0
        for byte in bytes {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (tenfold, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carried) = tenfold.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            guard !overflow, !carried else { return nil }
            number = sum
        }
        return number
    }
}
