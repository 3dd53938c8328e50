import Aviary

let photographs = try ImageDataset("PHOTOS")
