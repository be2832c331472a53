import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix

extension ConnectionHandler {
    /// Answers what is no call, if it asks for a page; false if it does not.
    func answerPage(_ id: HTTP2StreamID, _ headers: HPACKHeaders) -> Bool {
        guard let page = server.options.page, let context,
            let request = PageRequest(
                method: headers.first(name: ":method") ?? "", target: headers.first(name: ":path") ?? "")
        else { return false }
        guard server.pages.count < Limits.pages else {
            end(id, with: Page(status: 503, body: "as many pages are being made as may be; try again later\n"), request)
            return true
        }
        server.pages.begin()
        NIOThreadPool.singleton.runIfActive(eventLoop: context.eventLoop) { [server] in
            page(request) { server.statistics }
        }.assumeIsolated().whenComplete { result in
            self.server.pages.end()
            self.end(id, with: (try? result.get()) ?? Page(status: 503, body: "the server is ending\n"), request)
            self.context?.flush()
        }
        return true
    }

    private func end(_ id: HTTP2StreamID, with page: Page, _ request: PageRequest) {
        var headers: HPACKHeaders = [":status": String(page.status)]
        for (name, value) in page.headers { headers.add(name: name, value: value) }
        let body = request.isHead || page.body.isEmpty ? nil : ByteBuffer(string: page.body)
        // Whoever asks and does not read is not given what it does not take.
        let isTooMuch = unsent + (body?.readableBytes ?? 0) > Limits.unsentPageBytes
        end(id, with: isTooMuch ? [":status": "503"] : headers, isTooMuch ? nil : body)
    }
}
