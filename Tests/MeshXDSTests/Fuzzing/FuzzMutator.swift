// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Makes bad inputs of good ones, from a seed.
struct FuzzMutator: Sendable {
    /// What an input may grow to, in bytes. Responses may be larger, but what grows faster than its input shows here, too.
    static let maximumLength = 256 << 10

    /// The fields of all samples, those of messages in them included.
    private let fields: [WireNode]
    private let random: MeshRandom

    init(samples: [[UInt8]], random: MeshRandom) {
        // In the samples' order: a set has another one in each process, and a seed is to give the same inputs in all.
        var (fields, known): ([WireNode], Set<WireNode>) = ([], [])
        for sample in samples where fields.count < 20_000 {
            for node in WireNode.fields(of: sample[...])?.everything ?? [] where known.insert(node).inserted {
                fields.append(node)
            }
        }
        self.fields = fields
        self.random = random
    }

    private func below(_ bound: Int) -> Int { bound > 0 ? Int(random.below(UInt64(bound))) : 0 }

    private func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[below(elements.count)]
    }

    /// A protobuf message that is bad in some places.
    func message(from sample: [UInt8]) -> [UInt8] {
        guard below(8) > 0, var nodes = WireNode.fields(of: sample[...]) else { return bytes(from: sample) }
        for _ in 0...below(4) { mutate(&nodes) }
        let result = WireNode.bytes(of: nodes)
        guard result.count <= Self.maximumLength else { return Array(result.prefix(Self.maximumLength)) }
        return below(16) == 0 ? bytes(from: result) : result
    }

    /// Bytes of which some are others.
    func bytes(from sample: [UInt8]) -> [UInt8] {
        var bytes = sample
        for _ in 0...below(4) {
            let position = below(bytes.count + 1)
            guard position < bytes.count else {
                bytes += (0..<below(64)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                continue
            }
            switch below(6) {
            case 0: bytes[position] ^= UInt8(1 << random.below(8))
            case 1: bytes[position] = UInt8(truncatingIfNeeded: random.next())
            case 2: bytes.removeSubrange(position...)
            case 3: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: position)
            case 4: bytes.removeSubrange(position..<min(bytes.count, position + 1 + below(16)))
            default:
                let run = bytes[position..<min(bytes.count, position + below(64))]
                bytes.insert(contentsOf: run, at: below(bytes.count))
            }
        }
        return bytes
    }

    private func mutate(_ nodes: inout [WireNode]) {
        let position = below(nodes.total)
        switch below(9) {
        case 0: nodes.replace(at: position) { _ in [] }
        case 1:
            let count = pick([2, 2, 3, 20, 1000, 5000]) ?? 2
            nodes.replace(at: position) { node in
                let size = max(1, WireNode.bytes(of: [node]).count)
                return Array(repeating: node, count: max(1, min(count, Self.maximumLength / size / 2)))
            }
        case 2:
            nodes.replace(at: position) { [WireNode(number: number(near: $0.number), content: $0.content)] }
        case 3:
            // What stands elsewhere under this number, in a message of this kind or of another one.
            nodes.replace(at: position) { node in
                let others = (0..<40).compactMap { _ in pick(fields) }
                return [others.first { $0.number == node.number } ?? node]
            }
        case 4:
            guard let other = pick(fields) else { return }
            nodes.replace(at: position) { [$0, other] }
        case 5: deepen(&nodes)
        default: nodes.replace(at: position) { [WireNode(number: $0.number, content: content(near: $0.content))] }
        }
    }

    private func number(near number: UInt64) -> UInt64 {
        switch below(4) {
        case 0: number + 1
        case 1: max(1, number - 1)
        case 2: 1 + random.below(60)
        default: 1 + random.below((1 << 29) - 1)
        }
    }

    /// Puts a message into itself, in a place where one of its kind may stand: extensions in extensions, and so on.
    private func deepen(_ nodes: inout [WireNode]) {
        let position = below(nodes.total)
        guard let outer = nodes.node(at: position), case .message(let fields) = outer.content else { return }
        let inner = (0..<fields.total).filter { fields.node(at: $0)?.number == outer.number }
        guard let place = pick(inner) ?? (below(4) == 0 ? below(fields.total) : nil) else { return }
        var deep = outer
        for _ in 0..<(pick([1, 2, 10, 60, 400]) ?? 1) {
            var around = fields
            around.replace(at: place) { [WireNode(number: $0.number, content: deep.content)] }
            // As bytes, which are not looked into again for each level.
            let bytes = WireNode.bytes(of: around)
            deep.content = .bytes(bytes)
            if bytes.count > Self.maximumLength / 2 { break }
        }
        nodes.replace(at: position) { _ in [deep] }
    }

    private func content(near content: WireNode.Content) -> WireNode.Content {
        switch content {
        case .varint(let value):
            switch below(4) {
            case 0: return .varint(value &+ 1)
            case 1: return .varint(value &- 1)
            case 2: return .varint(random.next() >> random.below(64))
            default: return .varint(pick(FuzzValues.integers) ?? 0)
            }
        case .fixed64: return .fixed64(pick(FuzzValues.doubles)?.bitPattern ?? 0)
        case .fixed32: return .fixed32(UInt32(truncatingIfNeeded: random.next()))
        case .bytes(let bytes):
            switch below(4) {
            case 0: return .bytes(self.bytes(from: bytes))
            case 1: return .bytes((0..<below(40)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
            case 2:
                let (text, count) = (pick(FuzzValues.texts) ?? "", pick([1, 1, 1, 2, 300]) ?? 1)
                return .bytes(Array(String(repeating: text, count: count).utf8.prefix(20_000)))
            default:
                guard case .bytes(let other)? = pick(fields)?.content else { return .bytes(bytes + bytes) }
                return .bytes(other)
            }
        case .message(var fields):
            switch below(5) {
            case 0: return .message([])
            case 1: return .bytes(bytes(from: WireNode.bytes(of: fields)))
            case 2:
                if fields.count > 1 { fields.swapAt(0, below(fields.count)) }
                return .message(fields)
            case 3: return .varint(pick(FuzzValues.integers) ?? 0)
            default:
                if let other = pick(self.fields) { fields.append(other) }
                return .message(fields)
            }
        }
    }
}

extension FuzzMutator {
    /// A text that is bad in some places: JSON, and what is like it.
    func text(from sample: [UInt8]) -> [UInt8] {
        guard below(6) > 0 else { return bytes(from: sample) }
        var parts = Self.tokens(of: sample)
        for _ in 0...below(4) {
            let position = below(parts.count)
            let token = Array((pick(below(3) == 0 ? FuzzValues.texts : FuzzValues.tokens) ?? "").utf8)
            guard position < parts.count else {
                parts.append(token)
                continue
            }
            switch below(7) {
            case 0: parts.remove(at: position)
            case 1: parts[position] = token
            case 2: parts.insert(token, at: position)
            case 3: parts.insert(contentsOf: Array(repeating: token, count: pick([2, 50, 500]) ?? 2), at: position)
            case 4:
                let run = parts[position..<min(parts.count, position + 1 + below(30))]
                for _ in 0..<(pick([1, 1, 20]) ?? 1) { parts.insert(contentsOf: run, at: position) }
            case 5: parts.removeSubrange(position..<min(parts.count, position + 1 + below(30)))
            default: parts.swapAt(position, below(parts.count))
            }
        }
        return Array(parts.joined().prefix(Self.maximumLength))
    }

    /// Runs of letters and digits, and single other bytes.
    private static func tokens(of bytes: [UInt8]) -> [[UInt8]] {
        var tokens: [[UInt8]] = []
        var isWord = false
        for byte in bytes {
            let isPart =
                byte >= 0x80 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
            if isPart, isWord { tokens[tokens.count - 1].append(byte) } else { tokens.append([byte]) }
            isWord = isPart
        }
        return tokens
    }
}
