// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import NIOHTTP1

extension HTTP1ConnectionDriver {
    /// What is remembered between two pieces of a response.
    struct Receiving {
        /// What the read under way has brought until now.
        var delivery = ExchangeStateMachine.Delivery()
        /// Whether the peer has answered on this connection, ever.
        var hasAnswered = false
        /// Whether the peer closes the connection after this response.
        var peerCloses = false
        /// Whether the reader has enough for now.
        var isPaused = false
        /// Whether the channel wanted to read meanwhile.
        var hasPendingRead = false
        /// How many interim responses the exchange has got.
        var interimCount = 0

        /// Interim responses are few: more than these are a flood.
        static let maximumInterimResponses = 100

        mutating func beginExchange() {
            peerCloses = false
            interimCount = 0
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): receive(head)
        case .body(let bytes):
            switch machine.bodyReceived(bytes.readableBytes) {
            case .forward: receiving.delivery.body.append(bytes)
            case .discard: break
            case .violation: violate("a body without a response")
            case .close: close(.exchangeAbandoned)
            }
        case .end(let trailers):
            switch machine.endReceived() {
            case .forward:
                receiving.delivery.isEnd = true
                receiving.delivery.trailers = trailers.map { HTTPFields($0) }
            case .discard: break
            case .violation, .close: violate("the end of a response that did not begin")
            }
        }
    }

    private func receive(_ head: HTTPResponseHead) {
        guard !head.isInterim else { return receiveInterim(head) }
        // 101 answers an upgrade, and none was asked for.
        guard let response = HTTPResponse(head), head.status.code != 101 else { return violate("a bad status") }
        let isKeepAlive = head.isKeepAlive
        switch machine.headReceived(isKeepAlive: isKeepAlive, length: head.bodyLength) {
        case .forward:
            receiving.hasAnswered = true
            receiving.peerCloses = !isKeepAlive
            receiving.delivery.head = response
            headArrived()
        case .discard: break
        case .violation, .close: violate("a response without a request")
        }
    }

    private func receiveInterim(_ head: HTTPResponseHead) {
        guard machine.awaitsHead else { return violate("a response without a request") }
        receiving.interimCount += 1
        guard receiving.interimCount <= Receiving.maximumInterimResponses else {
            return violate("a flood of interim responses")
        }
        if head.status.code == 100 { continueRequest() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        handOver()
        context.fireChannelReadComplete()
    }

    /// Hands over what was collected. A connection that is free goes back first: the caller may want it again at once.
    func handOver() {
        let completion = machine.readCompleted()
        let exchange = exchange
        let peerCloses = receiving.peerCloses
        var collected = ExchangeStateMachine.Delivery()
        swap(&collected, &receiving.delivery)
        if completion == .release { settle(completion) }
        if let exchange, !collected.isEmpty {
            let wantsMore = exchange.receive(collected, peerCloses: peerCloses)
            if self.exchange === exchange, !machine.isDraining { receiving.isPaused = !wantsMore }
        }
        if completion == .close { settle(completion) }
    }

    /// Reads only while the reader keeps up. An idle connection reads, to notice that the peer closes it.
    func read(context: ChannelHandlerContext) {
        if receiving.isPaused { receiving.hasPendingRead = true } else { context.read() }
    }

    /// The reader has made room.
    func resumeReading(_ exchange: Exchange) {
        guard self.exchange === exchange else { return }
        resumeReading()
    }

    func resumeReading() {
        receiving.isPaused = false
        guard receiving.hasPendingRead, let context else { return }
        receiving.hasPendingRead = false
        context.read()
    }
}
