//! How much of a matrix product's result is computed together, and by how many.

use std::fmt::{self, Display, Formatter};

/// How the invocations that compute a tile together hand each other what they load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sharing {
    /// Not at all: each computes a tile of its own.
    None,
    /// By `subgroupBroadcast`.
    Subgroup,
    /// Through workgroup memory.
    Workgroup(Staging),
}

/// How a workgroup's lanes compute a tile through workgroup memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Staging {
    /// Rows in which the lanes stand over the tile.
    pub lane_rows: u32,
    /// Steps of k that are in workgroup memory at a time; a multiple of 8.
    pub depth: u32,
}

/// How much of C one invocation, one subgroup or one workgroup computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Rows of C.
    pub rows: u32,
    /// Columns of C; a multiple of 4 where `vec4` loads are used.
    pub cols: u32,
    /// Whether operands are read four floats at a time, which needs aligned leading dimensions.
    pub vec4: bool,
    /// Invocations that compute the tile together.
    pub lanes: u32,
    /// How they do.
    pub sharing: Sharing,
    /// Invocations of a workgroup.
    pub workgroup_size: u32,
}

impl Tile {
    /// For software renderers with subgroups of 8 (llvmpipe): a load costs its driver some seven
    /// instructions a lane, so the fewest loads win. 60 GFLOP/s on two cores, compiled in 0.4 s.
    pub const SHARED_8: Self = Self {
        rows: 32,
        cols: 32,
        vec4: true,
        lanes: 8,
        sharing: Sharing::Subgroup,
        workgroup_size: 8,
    };
    /// The same for subgroups of 4 (SwiftShader).
    pub const SHARED_4: Self = Self {
        rows: 16,
        cols: 16,
        vec4: true,
        lanes: 4,
        sharing: Sharing::Subgroup,
        workgroup_size: 4,
    };
    /// For large products on software renderers without subgroups, in a browser that has none: 30% quicker
    /// there than the next one, and three times as long to compile.
    pub const LARGEST: Self = Self {
        rows: 12,
        cols: 12,
        vec4: true,
        lanes: 1,
        sharing: Sharing::None,
        workgroup_size: 4,
    };
    /// For software renderers where the lanes of a subgroup can't share what they load.
    pub const LARGE: Self = Self {
        rows: 8,
        cols: 8,
        vec4: true,
        lanes: 1,
        sharing: Sharing::None,
        workgroup_size: 8,
    };
    /// For GPUs, which pay most for memory: a workgroup's lanes bring both operands to workgroup memory. 8 x 8
    /// lanes of 4 x 4 results, few steps of k at a time: many workgroups fit on a GPU at once.
    pub const STAGED: Self = Self::staged([32, 32], [8, 8], 8);
    /// The same with more steps at a time and fewer barriers, as ONNX Runtime Web and TensorFlow.js have it for
    /// every GPU.
    pub const STAGED_DEEP: Self = Self::staged([32, 32], [8, 8], 32);
    /// With 8 x 8 a lane: half the loads, and a quarter of the workgroups to fill a GPU with.
    pub const STAGED_WIDE: Self = Self::staged([64, 64], [8, 8], 16);
    /// With 8 x 4 a lane, for products of many tiles.
    pub const STAGED_64: Self = Self::staged([64, 64], [8, 16], 16);
    /// The same twice as high, as many lanes as WebGPU promises.
    pub const STAGED_128: Self = Self::staged([128, 64], [16, 16], 16);
    /// For small products, and on a GPU for those whose A is not aligned: few registers a lane, many lanes.
    pub const SMALL: Self = Self {
        rows: 4,
        cols: 4,
        vec4: true,
        lanes: 1,
        sharing: Sharing::None,
        workgroup_size: 64,
    };
    /// For shapes that are not multiples of four: one result a lane.
    pub const SCALAR: Self = Self {
        rows: 1,
        cols: 1,
        vec4: false,
        lanes: 1,
        sharing: Sharing::None,
        workgroup_size: 64,
    };

    /// What there is to choose from for large products.
    pub const CHOICE: [Self; 10] = [
        Self::SMALL,
        Self::LARGE,
        Self::LARGEST,
        Self::SHARED_4,
        Self::SHARED_8,
        Self::STAGED,
        Self::STAGED_DEEP,
        Self::STAGED_WIDE,
        Self::STAGED_64,
        Self::STAGED_128,
    ];

    const fn staged([rows, cols]: [u32; 2], [lane_rows, lane_cols]: [u32; 2], depth: u32) -> Self {
        Self {
            rows,
            cols,
            vec4: true,
            lanes: lane_rows * lane_cols,
            sharing: Sharing::Workgroup(Staging { lane_rows, depth }),
            workgroup_size: lane_rows * lane_cols,
        }
    }

    /// Whether its operands go through workgroup memory.
    pub fn is_staged(&self) -> bool {
        matches!(self.sharing, Sharing::Workgroup(_))
    }

    /// Whether it is worth timing on a GPU: a lane there has no registers for a large tile of its own.
    pub fn suits_gpus(&self) -> bool {
        *self != Self::LARGE && *self != Self::LARGEST
    }

    /// Tiles of a matrix of `m` rows and `n` columns.
    pub fn count(&self, m: usize, n: usize) -> usize {
        m.div_ceil(self.rows as usize) * n.div_ceil(self.cols as usize)
    }

    /// The tile that the lanes of a subgroup of this size compute together, where there is one.
    pub fn shared(lanes: u32) -> Option<Self> {
        [Self::SHARED_8, Self::SHARED_4]
            .into_iter()
            .find(|tile| tile.lanes == lanes)
    }

    /// Whether a product of `m` rows and `n` columns is large enough for it: what a workgroup's lanes compute
    /// beyond the edges is wasted.
    pub fn suits(&self, m: usize, n: usize) -> bool {
        !self.is_staged() || (m >= self.rows as usize && n >= self.cols as usize)
    }

    /// Whether a device can run it: `subgroup` is the size of its subgroups, if they are usable.
    pub fn runs_with(&self, subgroup: Option<u32>) -> bool {
        self.sharing != Sharing::Subgroup || subgroup == Some(self.lanes)
    }
}

impl Display for Tile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { rows, cols, .. } = self;
        write!(f, "{rows}x{cols} ")?;
        match self.sharing {
            Sharing::None => f.write_str("a lane"),
            Sharing::Subgroup => f.write_str("a subgroup"),
            Sharing::Workgroup(Staging { depth, .. }) => {
                write!(f, "by {} lanes, {depth} deep", self.lanes)
            }
        }
    }
}
