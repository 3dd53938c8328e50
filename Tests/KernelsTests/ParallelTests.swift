import AviaryKernels
import CKernels
import Synchronization
import Testing

/// What the C bodies below note: a C function captures nothing, so it is global, and the suite runs one test at a time.
private let notedRanges = Mutex<[Range<Int>]>([])
private let notedThreads = Mutex<[[Int32]]>([])

@Suite(.serialized) struct ParallelTests {
  func withTeam<Result>(of threads: Int32, _ body: () -> Result) -> Result {
    let before = ak_threads()
    ak_set_threads(threads)
    defer { ak_set_threads(before) }
    return body()
  }

  /// The pieces that a range of `count` elements is cut into, in order.
  func pieces(_ count: Int, grain: Int, threads: Int32) -> [Range<Int>] {
    notedRanges.withLock { $0 = [] }
    withTeam(of: threads) {
      ak_parallel_ranges(count, grain, { _, start, end in notedRanges.withLock { $0.append(start..<end) } }, nil)
    }
    return notedRanges.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } }
  }

  @Test(arguments: [1, 15, 16, 17, 31, 33, 100, 1000, 1001, 65_537], [Int32(1), 2, 3, 5])
  func piecesCoverTheRangeOnce(count: Int, threads: Int32) {
    let ranges = pieces(count, grain: 32, threads: threads)
    #expect(ranges.first?.lowerBound == 0)
    #expect(ranges.last?.upperBound == count)
    #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
    #expect(ranges.allSatisfy { $0.lowerBound % 16 == 0 && !$0.isEmpty })
    #expect(ranges.count <= Int(threads))
    #expect(ranges == pieces(count, grain: 32, threads: threads), "the same cut every time")
  }

  @Test func smallAndEmptyRangesStayWithTheCaller() {
    #expect(pieces(0, grain: 32, threads: 4).isEmpty)
    #expect(pieces(1000, grain: 1001, threads: 4) == [0..<1000])
    #expect(pieces(40, grain: 0, threads: 1) == [0..<40])
  }

  @Test func theTeamIsOneDNNs() {
    // libdnnl brings an OpenMP runtime into this process, so a team has as many threads as it is told.
    #expect(pieces(4096, grain: 16, threads: 3) == [0..<1376, 1376..<2736, 2736..<4096])
    notedThreads.withLock { $0 = [] }
    withTeam(of: 3) {
      #expect(ak_threads() == 3)
      ak_parallel({ _, thread, threads in notedThreads.withLock { $0.append([thread, threads]) } }, nil)
    }
    #expect(notedThreads.withLock { $0.sorted { $0[0] < $1[0] } } == [[0, 3], [1, 3], [2, 3]])
  }

  @Test func aTeamHasAtLeastOneThread() {
    withTeam(of: -4) { #expect(ak_threads() == 1) }
  }
}
