/* SPDX-License-Identifier: Apache-2.0
 *
 * GoogleTest under testr: c++ gtest.cpp -o gtest $(pkg-config --cflags --libs subunit2 gtest)
 *
 *     [DEFAULT]
 *     test_command=./gtest $LISTOPT $IDOPTION
 *     test_list_option=--list
 *     test_id_option=--load-list $IDFILE
 *     test_server_command=exec ./gtest --server */
#include <cstdlib>
#include <iostream>
#include <subunit2/gtest.h>

TEST(Sum, IsRight)
{
	EXPECT_EQ(2, 1 + 1);
}

TEST(Sum, IsWrong)
{
	std::cout << "about to fail\n";
	EXPECT_EQ(3, 1 + 1) << "as it has to";
}

TEST(Moon, IsFar)
{
	GTEST_SKIP() << "too far";
}

TEST(Moon, DISABLED_IsNear)
{
	FAIL();
}

class Even : public testing::TestWithParam<int>
{
};

TEST_P(Even, IsEven)
{
	EXPECT_EQ(0, GetParam() % 2);
}

INSTANTIATE_TEST_SUITE_P(Few, Even, testing::Values(0, 1, 2));

TEST(EndDeathTest, Dies)
{
	EXPECT_DEATH(std::abort(), "");
}

TEST(EndDeathTest, DiesInAProcessOfItsOwn)
{
	testing::FLAGS_gtest_death_test_style = "threadsafe";
	EXPECT_DEATH(std::abort(), "");
}

int
main(int argc, char **argv)
{
	return subunit2::gtest_main(argc, argv);
}
