import AviaryPlatform
import CPlatform
import Foundation
import Testing

/// How many processors a process may use, on systems made of files.
@Suite final class ProcessorTests {
  private let root = FileManager.default.temporaryDirectory.appending(path: "aviary-processors-\(UUID().uuidString)")

  deinit { try? FileManager.default.removeItem(at: root) }

  private func write(_ files: [String: String]) throws {
    for (path, text) in files {
      let url = root.appending(path: path)
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data((text + "\n").utf8).write(to: url)
    }
  }

  private var quota: Double { ap_processor_quota(root.path) }

  private static let second = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
  private static let first =
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct"

  @Test func theLeastQuotaOfAGroupAndThoseAboveCounts() throws {
    try write([
      "proc/self/mountinfo": "22 1 8:1 / / rw - ext4 /dev/sda rw\n" + Self.second,
      "proc/self/cgroup": "0::/slice/unit/task",
      "sys/fs/cgroup/slice/cpu.max": "150000 100000", "sys/fs/cgroup/slice/unit/cpu.max": "max 100000",
      "sys/fs/cgroup/slice/unit/task/cpu.max": "400000 100000",
    ])
    #expect(quota == 1.5)
    try write(["sys/fs/cgroup/slice/unit/task/cpu.max": "25000 100000"])
    #expect(quota == 0.25)
  }

  /// Docker's and Kubernetes' view: the group's own folder is mounted.
  @Test(arguments: ["0::/", "0::/docker/0123", "0::/../other"]) func aContainerSeesItsOwnGroup(group: String) throws {
    try write([
      "proc/self/mountinfo": "30 23 0:26 /docker/0123 /sys/fs/cgroup ro - cgroup2 cgroup rw", "proc/self/cgroup": group,
      "sys/fs/cgroup/cpu.max": "200000 100000",
    ])
    #expect(quota == 2)
  }

  @Test func theFirstVersionHasAQuotaAndAPeriod() throws {
    try write([
      "proc/self/mountinfo": "33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n" + Self.first,
      "proc/self/cgroup": "5:cpuset:/other\n4:cpu,cpuacct:/a/b\n0::/",
      "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000",
      "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us": "50000",
      "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us": "20000",
      "sys/fs/cgroup/cpuset/other/cpu.cfs_quota_us": "1", "sys/fs/cgroup/cpuset/other/cpu.cfs_period_us": "100",
    ])
    #expect(quota == 2.5)
  }

  @Test func whereThereIsNoQuotaThereIsNone() throws {
    #expect(quota == 0)
    try write(["proc/self/mountinfo": Self.second, "proc/self/cgroup": "0::/"])
    #expect(quota == 0)
    for text in ["", "max 100000", "0 100000", "-5 100000", "100000 0", "nan nan", "1e400 1", "100000"] {
      try write(["sys/fs/cgroup/cpu.max": text])
      #expect(quota == 0, "\(text)")
    }
    try write([
      "proc/self/mountinfo": "x - \n - cgroup2\n" + String(repeating: "y", count: 40_000), "proc/self/cgroup": ":",
    ])
    #expect(quota == 0)
  }

  @Test func thisProcessHasProcessors() {
    #expect((1...ProcessInfo.processInfo.activeProcessorCount).contains(Processors.available))
  }
}
